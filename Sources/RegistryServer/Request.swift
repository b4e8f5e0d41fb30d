internal import HTTPSemantics
internal import NIOCore
internal import NIOHTTP1
internal import PullThroughCache

/// One request, as far as the answer depends on it.
struct Request: Sendable {
    enum Method: String, Sendable, CaseIterable {
        case get = "GET"
        case head = "HEAD"
        /// Any other, none of which is served.
        case other = "OTHER"

        init(_ method: HTTPMethod) {
            switch method {
            case .GET: self = .get
            case .HEAD: self = .head
            default: self = .other
            }
        }
    }

    var method: Method
    /// The target as it was sent.
    var target: String
    var fields: RequestFields
    var client: Client
    /// HTTP/1.0 knows no chunked bodies, so that an answer of unknown length could not be told from a broken one.
    var takesChunks: Bool
    /// When its first part arrived.
    var startedAt: NIODeadline

    var isHead: Bool { method == .head }

    var requiresRevalidation: Bool {
        fields.cacheControl.map { CacheControl($0).requiresRevalidation } ?? false
    }
}
