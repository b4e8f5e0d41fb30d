internal import Credentials
internal import Logging
internal import Quota
internal import Synchronization
internal import Timekeeping
internal import Upstream
internal import UpstreamClient

extension QuotaGovernor {
    /// How its accounts stand, in the order of their names; the anonymous one where it is refused. Asks nobody.
    package var accountReports: [AccountReport] {
        let now = clock.now()
        let problems = state.withLock(\.problems)
        var reports = accounts.map { name, source in
            AccountReport(account: name, credentials: source.report(at: now).amended(by: problems[name]))
        }
        if accounts[.anonymous] == nil, let problem = problems[.anonymous] {
            let none = CredentialReport(origin: "no account", condition: .unused)
            reports.append(AccountReport(account: .anonymous, credentials: none.amended(by: problem)))
        }
        return reports.sorted { $0.account < $1.account }
    }

    /// Has accounts that rest after refused logins tried at once. For an operator who has mended something at the
    /// registry: nothing that Weir sees would tell of it.
    package func forgiveAccounts() {
        let now = clock.now()
        for (account, record) in logins where record.refusedUntil(now: now) != nil {
            record.forget()
            budgets.withLedger { $0.setAside(account, until: nil, now: now) }
        }
    }

    /// What keeps accounts from being used.
    package var accountProblems: [AccountProblem] {
        accountReports.filter(\.credentials.needsAttention).map { report in
            let failure = report.credentials.failure.map { ": \($0)" } ?? ""
            return AccountProblem(
                account: report.account,
                reason: "\(report.credentials.origin) (\(report.credentials.condition.rawValue))\(failure)")
        }
    }

    /// Logs how accounts stand that stand otherwise than when it was last told: one line for each change. Some changes
    /// come by time alone, so it has to be called now and then.
    package func announceAccounts() { announce(accountReports.filter { $0.account != .anonymous }) }

    func announce(_ account: AccountName) {
        guard let source = accounts[account] else { return }
        let problem = state.withLock { $0.problems[account] }
        announce([
            AccountReport(account: account, credentials: source.report(at: clock.now()).amended(by: problem))
        ])
    }

    private func announce(_ reports: [AccountReport]) {
        let changes = state.withLock { state in
            reports.compactMap { report -> (report: AccountReport, isRecovery: Bool)? in
                let condition = report.credentials.condition
                let before = state.told.updateValue(condition, forKey: report.account) ?? .unused
                guard before != condition, before.isTold || condition.isTold else { return nil }
                return (report, !condition.isTold)
            }
        }
        for (report, isRecovery) in changes {
            let credentials = report.credentials
            var metadata: Logger.Metadata = [
                "account": "\(report.account)", "source": "\(credentials.origin)",
                "condition": "\(credentials.condition.rawValue)",
            ]
            if let failure = credentials.failure { metadata["reason"] = "\(failure)" }
            if isRecovery {
                logger.notice("An account is of use again", metadata: metadata)
            } else if credentials.needsAttention {
                logger.warning("An account needs attention", metadata: metadata)
            } else {
                logger.notice("An account's credentials run out soon", metadata: metadata)
            }
        }
    }
}

extension CredentialReport.Condition {
    /// Whether people are told of it, and of its end.
    fileprivate var isTold: Bool { self != .unused && self != .good }
}

extension CredentialReport {
    /// With what the upstream's answers say: whether it takes what the source gives, a source cannot know.
    ///
    /// - Parameter problem: why the account gave nothing lately; nil where it did, or where a refusal was about one
    ///   repository and may mean no more than that.
    fileprivate func amended(by problem: UpstreamError?) -> CredentialReport {
        var report = self
        switch problem {
        case nil:
            if condition == .refused, failure == nil { report.condition = .good }
        case .unauthorized:
            if !needsAttention { report.condition = .refused }
            report.failure = failure ?? .refused(reason: "the upstream refuses its login")
        case .some(let error):
            guard !needsAttention else { break }
            report.condition = .failing
            report.failure = .unavailable(reason: "\(error)")
        }
        return report
    }
}
