internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import PullThroughCache

/// A request that waits for its turn on its connection.
struct PendingRequest: Sendable {
    var request: Request
    /// As the client wrote it.
    var method: String
    /// What it is answered with in place of being served.
    var refusal: Refusal?
    /// Whether the connection ends with its answer.
    var closesConnection: Bool
    /// Whether bytes of the client are left unread then, so that the end must be a gentle one.
    var leavesInput = false

    struct Refusal: Sendable {
        var status: Int
        var error: RegistryError
    }
}

/// Makes requests out of the parts that a parser delivers. Once a request ends the connection, whatever the client
/// sends after it is ignored.
struct RequestAssembler {
    private enum State {
        /// Between requests. Goes to `receiving` or `ended`.
        case idle
        /// A head was read, its body has yet to end. Goes to `idle` or `ended`.
        case receiving(PendingRequest, discarded: Int64)
        /// No more requests are taken.
        case ended
    }

    private var state = State.idle
    private let isHTTP2: Bool

    init(isHTTP2: Bool) { self.isHTTP2 = isHTTP2 }

    var isEnded: Bool { if case .ended = state { true } else { false } }
    var isReceiving: Bool { if case .receiving = state { true } else { false } }

    /// - Returns: a request to be answered now, if there is one.
    mutating func head(_ head: HTTPRequestHead, client: Client, startedAt: NIODeadline) -> PendingRequest? {
        guard case .idle = state else { return nil }
        let fields = RequestFields(head.headers)
        var client = client
        client.name = fields.clientName
        var pending = PendingRequest(
            request: Request(
                method: Request.Method(head.method), target: head.uri, fields: fields, client: client,
                takesChunks: isHTTP2 || head.version.minor >= 1, startedAt: startedAt),
            method: head.method.rawValue,
            // Clients of HTTP/1.0 are few, and what they mean by keep-alive is not worth finding out.
            closesConnection: !isHTTP2 && (!head.isKeepAlive || head.version.minor == 0))
        switch RequestAdmission(head, fields: fields, isHTTP2: isHTTP2) {
        case .serve:
            state = .receiving(pending, discarded: 0)
            return nil
        case .serveAndClose: break
        case .refuse(let status, let error): pending.refusal = .init(status: status, error: error)
        }
        return end(with: pending)
    }

    /// - Returns: a request to be answered now, unless no more are taken.
    mutating func plain(_ request: PlainRequest, client: Client, startedAt: NIODeadline) -> PendingRequest? {
        guard case .idle = state else { return nil }
        var client = client
        client.name = request.fields.clientName
        return PendingRequest(
            request: Request(
                method: request.method, target: request.target, fields: request.fields, client: client,
                takesChunks: true, startedAt: startedAt),
            method: request.method.name, closesConnection: false)
    }

    mutating func body(count: Int) -> PendingRequest? {
        guard case .receiving(var pending, let discarded) = state else { return nil }
        guard discarded + Int64(count) > RequestAdmission.bodyLimitBytes else {
            state = .receiving(pending, discarded: discarded + Int64(count))
            return nil
        }
        if pending.request.method != .other {
            pending.refusal = .init(
                status: 413, error: RegistryError(.unsupported, "no body belongs to this request"))
        }
        return end(with: pending)
    }

    mutating func end() -> PendingRequest? {
        guard case .receiving(let pending, _) = state else { return nil }
        state = pending.closesConnection ? .ended : .idle
        return pending
    }

    /// What came was no request, or did not come in time.
    mutating func fail(_ refusal: PendingRequest.Refusal, client: Client, startedAt: NIODeadline) -> PendingRequest? {
        if isEnded { return nil }
        let request: Request
        var method = "-"
        if case .receiving(let pending, _) = state {
            request = pending.request
            method = pending.method
        } else {
            request = Request(
                method: .other, target: "-", fields: RequestFields(), client: client, takesChunks: true,
                startedAt: startedAt)
        }
        return end(
            with: PendingRequest(request: request, method: method, refusal: refusal, closesConnection: true))
    }

    private mutating func end(with pending: PendingRequest) -> PendingRequest {
        var pending = pending
        pending.closesConnection = true
        pending.leavesInput = true
        state = .ended
        return pending
    }
}

/// Requests that were sent before the answers to those before them (pipelining). Takes no memory while empty, as it
/// nearly always is.
struct RequestQueue {
    private var requests: [PendingRequest] = []
    private var first = 0

    /// One read can bring that many and no more: reading stops while any waits.
    static let limit = 4096

    var isEmpty: Bool { first == requests.count }

    /// Returns false where the queue is full.
    mutating func append(_ request: PendingRequest) -> Bool {
        guard requests.count - first < Self.limit else { return false }
        requests.append(request)
        return true
    }

    mutating func popFirst() -> PendingRequest? {
        guard first < requests.count else { return nil }
        defer {
            first += 1
            if first == requests.count { self = RequestQueue() }
        }
        return requests[first]
    }
}
