internal import HTTPSemantics
internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import PullThroughCache
internal import Rules

/// A whole answer, before it is known how it will be sent.
struct Answer: Sendable {
    enum Body: Sendable {
        case none
        case bytes(ByteBuffer)
        /// `range` of the content; its upper bound is `Int64.max` where the size is not known.
        case content(any BlobContent, Range<Int64>)
    }

    var status: HTTPResponseStatus
    var fields: AnswerFields
    var body: Body
    /// As in the `Cache-Status` field; for the log.
    var cacheStatus: String?
    /// Why something failed, in words that clients are not told.
    var internalReason: String?

    /// - Parameter length: of the body that a GET has, in bytes; nil where it is not known. A HEAD is answered with
    ///   the same length.
    init(
        status: HTTPResponseStatus, contentType: String?, length: Int64?, body: Body, reservingFields count: Int = 10
    ) {
        self.status = status
        self.body = body
        fields = AnswerFields(reserving: count)
        if let contentType { fields.add("Content-Type", contentType) }
        if let length { fields.add("Content-Length", String(length)) }
        fields.add("Docker-Distribution-Api-Version", "registry/2.0")
        fields.add("X-Content-Type-Options", "nosniff")
    }

    /// A text that is whole in memory.
    init(status: HTTPResponseStatus = .ok, contentType: String, text: String) {
        let bytes = ByteBuffer(string: text)
        self.init(
            status: status, contentType: contentType, length: Int64(bytes.readableBytes), body: .bytes(bytes))
    }

    /// An error in the specification's envelope. OCI Distribution 1.1, "Error Codes".
    init(status: Int, _ error: RegistryError, retryAfter: Duration? = nil) {
        self.init(
            status: HTTPResponseStatus(statusCode: status), contentType: "application/json", text: error.envelope)
        if let retryAfter { fields.add("Retry-After", RetryAfter.format(retryAfter)) }
        // An error of this moment must not be served to others by a cache in between.
        fields.add("Cache-Control", "no-store")
    }

    init(_ mapping: ErrorMapping) {
        self.init(status: mapping.status, mapping.error, retryAfter: mapping.retryAfter)
    }

    init(_ error: CacheError, kind: RequestKind, rule: RuleName?) {
        self.init(ErrorMapping(error, kind: kind, rule: rule))
        if case .storage(let reason) = error { internalReason = reason }
    }

    /// Adds how the answer came about.
    mutating func add(_ status: CacheStatus, cache: String) {
        let text = status.description(cache: cache)
        fields.add("Cache-Status", text)
        cacheStatus = text
    }

    mutating func add(name: String, value: String) { fields.add(name, value) }
}
