internal import HTTPSemantics
internal import NIOCore
internal import NIOHTTP1
internal import PullThroughCache

/// One request, as far as the answer depends on it. A value that never changes; a class, since it goes through many
/// hands, and a struct would count a reference for each of its texts every time.
final class Request: Sendable {
    enum Method: Int, Sendable, CaseIterable {
        case get, head
        /// Any other, none of which is served.
        case other

        var name: String {
            switch self {
            case .get: "GET"
            case .head: "HEAD"
            case .other: "OTHER"
            }
        }

        init(_ method: HTTPMethod) {
            switch method {
            case .GET: self = .get
            case .HEAD: self = .head
            default: self = .other
            }
        }
    }

    let method: Method
    /// The target as it was sent.
    let target: String
    let fields: RequestFields
    let client: Client
    /// HTTP/1.0 knows no chunked bodies, so that an answer of unknown length could not be told from a broken one.
    let takesChunks: Bool
    /// When its first part arrived.
    let startedAt: NIODeadline

    init(
        method: Method, target: String, fields: RequestFields, client: Client, takesChunks: Bool,
        startedAt: NIODeadline
    ) {
        self.method = method
        self.target = target
        self.fields = fields
        self.client = client
        self.takesChunks = takesChunks
        self.startedAt = startedAt
    }

    var isHead: Bool { method == .head }

    var requiresRevalidation: Bool {
        fields.cacheControl.map { CacheControl($0).requiresRevalidation } ?? false
    }
}
