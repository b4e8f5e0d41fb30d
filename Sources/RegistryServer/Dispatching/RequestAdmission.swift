internal import NIOHTTP1
internal import OCI

/// What is to be done with a request once its head has arrived, its meaning aside.
enum RequestAdmission: Hashable {
    /// Answer it when its body, if any, has been read and thrown away; no body is longer than
    /// ``bodyLimitBytes``.
    case serve
    /// Answer it at once, read no more requests, and close: what follows would have to be read for nothing.
    case serveAndClose
    /// Answer with an error and close.
    case refuse(status: Int, RegistryError)

    /// No request that is served has a body that means anything; a small one is read so that the connection can be
    /// kept, a larger one is not worth it.
    static let bodyLimitBytes: Int64 = 64 << 10

    init(_ head: HTTPRequestHead, fields: RequestFields, isHTTP2: Bool) {
        if !isHTTP2 {
            // RFC 9112, 3.2: a server must refuse these.
            if fields.hostCount > 1 {
                self = .refuse(status: 400, RegistryError(.unsupported, "the request has more than one Host field"))
                return
            }
            if fields.hostCount == 0, head.version.minor >= 1 {
                self = .refuse(status: 400, RegistryError(.unsupported, "the request has no Host field"))
                return
            }
            // What a message's length is must never be a matter of opinion (request smuggling).
            if fields.isMisframed {
                self = .refuse(
                    status: 400, RegistryError(.unsupported, "the length of the request's body is contradictory"))
                return
            }
        }
        switch fields.framing {
        case .none: self = fields.asksForUpgrade || head.method == .CONNECT ? .serveAndClose : .serve
        case .length(let length) where length > Self.bodyLimitBytes: self = .serveAndClose
        case .length, .chunked:
            // A client that waits for 100 (Continue) gets its answer in its place.
            self = fields.expectsContinue || fields.asksForUpgrade ? .serveAndClose : .serve
        }
    }
}
