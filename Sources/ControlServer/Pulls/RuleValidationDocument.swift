/// Whether a rule's upstream can be pulled from, step by step.
package struct RuleValidationDocument: Codable, Hashable, Sendable {
    package enum Outcome: String, Codable, Sendable {
        case ok, failed
        /// There was nothing to find out, or an earlier step failed.
        case skipped
    }

    package struct Step: Codable, Hashable, Sendable {
        package var name: String
        package var outcome: Outcome
        package var detail: String
        /// What to do about a failure.
        package var advice: String?

        package init(_ name: String, _ outcome: Outcome, _ detail: String, advice: String? = nil) {
            self.name = name
            self.outcome = outcome
            self.detail = detail
            self.advice = advice
        }
    }

    package var rule: String
    package var upstream: String
    /// In the order in which they are taken.
    package var steps: [Step]

    package var isValid: Bool { steps.allSatisfy { $0.outcome != .failed } }

    package init(rule: String, upstream: String, steps: [Step]) {
        self.rule = rule
        self.upstream = upstream
        self.steps = steps
    }
}
