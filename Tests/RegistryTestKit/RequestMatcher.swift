/// Which requests a fault is for; nil fields match everything.
package struct RequestMatcher: Sendable {
    package var method: String?
    package var kind: RequestKind?
    package var repository: String?
    /// A tag or a digest.
    package var reference: String?
    /// Of the requests that match otherwise, which ones, counted from 1.
    package var occurrences: ClosedRange<Int>?
    /// A further condition.
    package var condition: (@Sendable (RequestRecord) -> Bool)?

    package init(
        method: String? = nil, kind: RequestKind? = nil, repository: String? = nil, reference: String? = nil,
        occurrences: ClosedRange<Int>? = nil, condition: (@Sendable (RequestRecord) -> Bool)? = nil
    ) {
        self.method = method
        self.kind = kind
        self.repository = repository
        self.reference = reference
        self.occurrences = occurrences
        self.condition = condition
    }

    package static let all = RequestMatcher()
    package static let manifests = RequestMatcher(kind: .manifest)
    package static let manifestGets = RequestMatcher(method: "GET", kind: .manifest)
    package static let manifestHeads = RequestMatcher(method: "HEAD", kind: .manifest)
    package static let blobs = RequestMatcher(kind: .blob)
    package static let blobGets = RequestMatcher(method: "GET", kind: .blob)
    package static let tokens = RequestMatcher(kind: .token)

    /// The same, for the first `count` requests that match.
    package func first(_ count: Int) -> RequestMatcher {
        var matcher = self
        matcher.occurrences = 1...count
        return matcher
    }

    /// The same, for one tag or digest.
    package func of(_ reference: some CustomStringConvertible) -> RequestMatcher {
        var matcher = self
        matcher.reference = reference.description
        return matcher
    }

    /// Whether a request matches, its number apart.
    package func matches(_ request: RequestRecord) -> Bool {
        (method ?? request.method) == request.method && (kind ?? request.kind) == request.kind
            && (repository == nil || repository == request.repository)
            && (reference == nil || reference == request.reference) && (condition?(request) ?? true)
    }
}
