internal import HTTPSemantics

/// What the status of a forced answer tells of the upstream.
extension CacheStatus {
    /// Whether the upstream confirmed the answer, or a digest needs no confirmation: nothing stale stands in.
    var isConfirmed: Bool { forward != .stale && detail == nil }

    /// Why the upstream did not confirm the answer, in words; nil where it did.
    var reasonUnconfirmed: String? {
        guard !isConfirmed else { return nil }
        let reason =
            switch detail {
            case "unreachable": "the upstream cannot be reached"
            case "server-error": "the upstream fails"
            case "rate-limited": "the upstream has no pulls left for this account"
            case "unauthorized": "the upstream refuses the account"
            case "not-found": "the upstream does not have it any more"
            case "upstream-paused": "the upstream failed a moment ago, and was not asked again"
            case let detail?: detail
            case nil: "the upstream did not answer"
            }
        return forwardStatus.map { "\(reason) (status \($0))" } ?? reason
    }
}
