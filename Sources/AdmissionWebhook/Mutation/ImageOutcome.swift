internal import ImageRewriting

/// What becomes of one image.
enum ImageOutcome: Sendable, Hashable {
    case rewritten(RewriteCandidate)
    /// No rule concerns it, or a rule made it.
    case unchanged
    /// It stays, and somebody might have expected otherwise.
    case refused(reason: String)
    /// It stays, since it could not be found out whether it may be rewritten.
    case unknown(reason: String)
    /// The verdict on this is missing.
    case undecided(RewriteCandidate)

    /// The rules in their order; the first whose result passes its check has the image (harbor-container-webhook,
    /// `internal/webhook/mutate.go`: a check that fails, or cannot be made, leaves the image to the next rule).
    init(_ rewriting: Rewriting, verdict: (RewriteCandidate) -> CheckVerdict?) {
        switch rewriting.reason {
        case nil: break
        case .noRule, .alreadyRewritten:
            self = .unchanged
            return
        case .noReference, .malformedResult:
            self = .refused(reason: rewriting.reason?.description ?? "")
            return
        }
        var refusal: String?
        var doubt: String?
        for candidate in rewriting.candidates {
            guard candidate.check != nil else {
                self = .rewritten(candidate)
                return
            }
            switch verdict(candidate) {
            case .passes:
                self = .rewritten(candidate)
                return
            case .fails(let reason): refusal = refusal ?? Self.text(candidate, reason)
            case .unknown(let reason): doubt = doubt ?? Self.text(candidate, reason)
            case nil:
                self = .undecided(candidate)
                return
            }
        }
        if let doubt { self = .unknown(reason: doubt) } else { self = .refused(reason: refusal ?? "") }
    }

    /// Short, so that a warning has room for all of it.
    private static func text(_ candidate: RewriteCandidate, _ reason: String) -> String {
        "\(AdmissionWarnings.shortened(candidate.image, to: 48)): \(reason)"
    }
}
