internal import OCI
internal import PullThroughCache
internal import Rules
internal import Upstream

/// How an error of the cache is told to a client: the only place where that is decided.
///
/// What real clients make of a status weighs more than its letter. containerd asks the next host of its list after
/// any of these, tries 408 and 429 again with the same host, and 500, 503 and 504 again with its last host; Docker
/// goes on to the upstream itself after 401, MANIFEST_UNKNOWN and NAME_UNKNOWN, and takes TOOMANYREQUESTS and DENIED
/// for the final word.
struct ErrorMapping: Hashable {
    var status: Int
    var error: RegistryError
    var retryAfter: Duration?

    init(status: Int, _ code: ErrorCode, _ message: String, retryAfter: Duration? = nil) {
        self.status = status
        error = RegistryError(code, message)
        self.retryAfter = retryAfter
    }

    /// - Parameters:
    ///   - kind: what was asked for, since an upstream's 404 means something different for each.
    ///   - rule: named in messages about the upstream, so that it is clear which one of them is meant.
    init(_ error: CacheError, kind: RequestKind, rule: RuleName?) {
        switch error {
        case .manifestUnknown: self.init(status: 404, .manifestUnknown, error.description)
        case .blobUnknown: self.init(status: 404, .blobUnknown, error.description)
        case .nameUnknown, .ruleUnknown: self.init(status: 404, .nameUnknown, error.description)
        case .upstream(let upstream): self.init(upstream, kind: kind, rule: rule)
        case .manifestInvalid: self.init(status: 502, .manifestInvalid, Self.message(error.description, rule: rule))
        case .digestMismatch, .sizeMismatch:
            self.init(status: 502, .digestInvalid, Self.message(error.description, rule: rule))
        case .overloaded(let wait): self.init(status: 503, .unavailable, error.description, retryAfter: wait)
        // The reason may name paths of this machine: it is for the log.
        case .storage: self.init(status: 500, .unknown, "the cache's own storage failed")
        case .cancelled: self.init(status: 503, .unavailable, error.description)
        }
    }

    private init(_ error: UpstreamError, kind: RequestKind, rule: RuleName?) {
        let message = Self.message(error.description, rule: rule)
        switch error {
        case .notFound:
            let code: ErrorCode =
                switch kind {
                case .manifest: .manifestUnknown
                case .blob: .blobUnknown
                default: .nameUnknown
                }
            self.init(status: 404, code, message)
        // Never 401: the client would ask its user to log in to Weir. The code is what Docker looks at: after this one it
        // goes on to the upstream with its user's own account, which may see what Weir's may not.
        case .unauthorized: self.init(status: 403, .unauthorized, message)
        case .rateLimited(_, let wait): self.init(status: 429, .tooManyRequests, message, retryAfter: wait)
        // Both Docker and containerd take this for an endpoint that does not serve the image, and go on to the next.
        case .budgetSpent(let budget) where budget.leadsToUpstream:
            self.init(status: 403, .unauthorized, message, retryAfter: budget.retryAfter)
        case .budgetSpent(let budget):
            self.init(status: 429, .tooManyRequests, message, retryAfter: budget.retryAfter)
        case .credentialsUnavailable: self.init(status: 503, .unavailable, message)
        case .unreachable: self.init(status: 503, .unavailable, message)
        case .timedOut: self.init(status: 504, .unavailable, message)
        case .serverError(let status, let wait):
            self.init(status: status == 503 ? 503 : 502, .unavailable, message, retryAfter: wait)
        case .tooLarge:
            self.init(status: 502, kind == .manifest ? .manifestInvalid : .unavailable, message)
        case .unexpectedStatus, .malformedAnswer, .truncated, .tokenEndpoint:
            self.init(status: 502, .unavailable, message)
        // Weir's configuration would have to change, so there is no use in trying again.
        case .redirectRefused, .realmRefused: self.init(status: 502, .denied, message)
        case .cancelled: self.init(status: 503, .unavailable, message)
        }
    }

    private static func message(_ text: String, rule: RuleName?) -> String {
        rule.map { "rule '\($0)': \(text)" } ?? text
    }

    /// Why a request's name led to no rule.
    init(_ error: AddressingError) {
        switch error {
        case .unknownHost, .noDefaultRule: self.init(status: 403, .denied, error.description)
        case .malformedNamespace, .malformedRepository: self.init(status: 400, .nameInvalid, error.description)
        }
    }
}
