internal import CoreMetrics
internal import ImageRewriting
internal import Timekeeping

/// harbor-container-webhook's metrics under its own names, for dashboards that know no others
/// (`internal/webhook/transformer.go`): by rule, for every image of every review, checks that are remembered included.
enum HarborRuleMetrics {
    /// - Parameters:
    ///   - firstRule: which meets an image first, and would fail at one that is no reference.
    ///   - duration: of finding out what the rules make of the image.
    ///   - verdict: what is known of a candidate's check.
    static func count(
        _ rewriting: Rewriting, _ outcome: ImageOutcome, firstRule: String?, in duration: Duration,
        verdict: (RewriteCandidate) -> CheckVerdict?
    ) {
        switch rewriting.reason {
        case .noReference: if let firstRule { increment("rewrite_errors", firstRule) }
        case .malformedResult(let rule): increment("rewrite_errors", rule)
        case .noRule, .alreadyRewritten, nil: break
        }
        for candidate in rewriting.candidates {
            increment("rewrite_success", candidate.rule)
            Timer(label: "hcw_rules_rewrite_duration_seconds", dimensions: dimensions(candidate.rule))
                .recordNanoseconds(duration.wholeNanoseconds)
            if candidate.check != nil {
                increment(verdict(candidate) == .passes ? "upstream_checks" : "upstream_check_errors", candidate.rule)
            }
            // Later rules were not asked.
            if outcome == .rewritten(candidate) { return }
        }
    }

    private static func increment(_ name: String, _ rule: String) {
        Counter(label: "hcw_rules_\(name)", dimensions: dimensions(rule)).increment()
    }

    /// There, a label is the rule's name in lower case, with `_` for all but letters, digits and `_`.
    static func label(_ rule: String) -> String {
        String(
            rule.lowercased().unicodeScalars.map { scalar in
                let isKept = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                return isKept ? Character(scalar) : "_"
            })
    }

    private static func dimensions(_ rule: String) -> [(String, String)] { [("name", label(rule))] }
}
