internal import Credentials
package import Logging
internal import Metrics
internal import Synchronization

/// Writes down how one source fares: a count of its attempts, and its changes, in detail. Nothing of what it gives.
///
/// Whose account it is, it does not know: what people are told of it comes from where accounts are.
package final class CredentialJournal: Sendable {
    /// Of metrics: the kind of source, one of few.
    package let kind: String
    private let logger: Logger
    private let condition = Mutex<CredentialReport.Condition>(.unused)

    package init(kind: String, logger: Logger) {
        self.kind = kind
        self.logger = logger
    }

    func attempted(origin: String, _ outcome: Result<IssuedCredentials, CredentialError>) {
        Counter(
            label: "weir_credential_renewals_total",
            dimensions: [("source", kind), ("outcome", Self.word(for: outcome))]
        ).increment()
        switch outcome {
        case .success: logger.debug("Credentials were obtained", metadata: ["origin": "\(origin)"])
        case .failure(let error):
            logger.debug("No credentials were obtained", metadata: ["origin": "\(origin)", "reason": "\(error)"])
        }
    }

    func note(_ report: CredentialReport) {
        let previous = condition.withLock { condition in
            defer { condition = report.condition }
            return condition
        }
        guard previous != report.condition else { return }
        var metadata: Logger.Metadata = ["origin": "\(report.origin)", "condition": "\(report.condition.rawValue)"]
        if let failure = report.failure { metadata["reason"] = "\(failure)" }
        if report.needsAttention {
            logger.debug("The credentials of a source need attention", metadata: metadata)
        } else if [.renewalFails, .expired, .refused, .failing].contains(previous) {
            logger.debug("The credentials of a source are good again", metadata: metadata)
        }
    }

    private static func word(for outcome: Result<IssuedCredentials, CredentialError>) -> String {
        switch outcome {
        case .success: "ok"
        case .failure(.missing): "missing"
        case .failure(.malformed): "malformed"
        case .failure(.unavailable): "unavailable"
        case .failure(.refused): "refused"
        }
    }
}
