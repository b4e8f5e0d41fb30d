internal import ControlServer
internal import Credentials
internal import Quota
internal import QuotaGovernor
internal import Timekeeping

extension StatusDocument.Account {
    init(_ report: QuotaGovernor.AccountReport) {
        let credentials = report.credentials
        self.init(
            name: report.account.description, condition: credentials.condition.rawValue,
            needsAttention: credentials.needsAttention, origin: credentials.origin,
            expiresAt: credentials.expiresAt?.milliseconds, obtainedAt: credentials.obtainedAt?.milliseconds,
            nextAttemptAt: credentials.nextAttemptAt?.milliseconds, reason: credentials.failure?.description)
    }
}
