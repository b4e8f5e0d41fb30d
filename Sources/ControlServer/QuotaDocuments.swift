package import Quota
internal import Timekeeping

/// What is known of the upstreams' pull limits. Times are in milliseconds since 1970.
package struct QuotaDocument: Codable, Hashable, Sendable {
    /// An account by an address.
    package struct Pair: Codable, Hashable, Sendable {
        package var account: String
        package var egress: String
        /// One of `QuotaPairReport.State`'s names.
        package var state: String
        package var source: String?
        package var limit: Int64?
        package var remaining: Int64?
        package var inFlight: Int
        package var reserve: Int64?
        package var windowSeconds: Int64?
        package var recoversAt: Int64?
        package var setAsideUntil: Int64?
        package var observedAt: Int64?
        package var spentPerHour: Double
        package var runsOutAt: Int64?

        package init(_ report: QuotaPairReport) {
            account = report.pair.account.description
            egress = report.pair.egress.description
            state = report.state.rawValue
            source = report.source
            limit = report.limit
            remaining = report.remaining
            inFlight = report.inFlight
            reserve = report.reserve
            windowSeconds = report.window?.wholeSeconds
            recoversAt = report.recoversAt?.milliseconds
            setAsideUntil = report.setAsideUntil?.milliseconds
            observedAt = report.observedAt?.milliseconds
            spentPerHour = report.spentPerHour
            runsOutAt = report.runsOutAt?.milliseconds
        }
    }

    package struct Rule: Codable, Hashable, Sendable {
        package var name: String
        package var pairs: [Pair]
        /// From 0, plenty, to 1, nothing left.
        package var urgency: Double
        /// Pulls of images that were never cached that may begin now; nil: without limit, or none is known.
        package var firstPulls: Int64?
        /// The same of images that are cached.
        package var pulls: Int64?
        /// The same of what no client waits for.
        package var backgroundPulls: Int64?
        package var opensAt: Int64?
        package var problems: [String]

        package init(name: String, report: QuotaReport, problems: [String] = []) {
            self.name = name
            pairs = report.pairs.map { Pair($0) }
            urgency = report.urgency
            firstPulls = report.firstPulls
            pulls = report.pulls
            backgroundPulls = report.backgroundPulls
            opensAt = report.opensAt?.milliseconds
            self.problems = problems
        }
    }

    package var now: Int64
    package var rules: [Rule]

    package init(now: Int64, rules: [Rule]) {
        self.now = now
        self.rules = rules
    }
}

/// What probing a rule's pairs found.
package struct QuotaProbeDocument: Codable, Hashable, Sendable {
    package struct Failure: Codable, Hashable, Sendable {
        package var account: String
        package var egress: String
        package var reason: String

        package init(pair: QuotaPair, reason: String) {
            account = pair.account.description
            egress = pair.egress.description
            self.reason = reason
        }
    }

    package var rule: QuotaDocument.Rule
    package var failures: [Failure]
    /// Pairs whose answer announced no limit.
    package var withoutLimits: Int

    package init(rule: String, report: QuotaReport, failures: [Failure], withoutLimits: Int) {
        self.rule = QuotaDocument.Rule(name: rule, report: report)
        self.failures = failures
        self.withoutLimits = withoutLimits
    }
}

/// By which account and address a pull would go, and why.
package struct QuotaChoiceDocument: Codable, Hashable, Sendable {
    package struct Candidate: Codable, Hashable, Sendable {
        package var account: String
        package var egress: String
        package var isChosen: Bool
        package var reason: String
        package var headroom: Int64?
        package var headroomPerHour: Double?
    }

    /// One of `QuotaPurpose`'s names.
    package var purpose: String
    /// Why nobody would be asked, one of `QuotaRefusal.Reason`'s names; nil where somebody is.
    package var refusal: String?
    package var opensAt: Int64?
    package var candidates: [Candidate]

    package init(_ explanation: QuotaExplanation) {
        purpose = explanation.purpose.rawValue
        if case .refused(let refused) = explanation.decision {
            refusal = refused.reason.rawValue
            opensAt = refused.until?.milliseconds
        }
        candidates = explanation.candidates.map { candidate in
            Candidate(
                account: candidate.pair.account.description, egress: candidate.pair.egress.description,
                isChosen: candidate.verdict == .chosen, reason: candidate.verdict.description,
                headroom: candidate.headroom, headroomPerHour: candidate.headroomPerHour)
        }
    }
}
