package import Credentials
package import Logging
internal import OCI
package import Quota
internal import Synchronization
package import Timekeeping
internal import Upstream
package import UpstreamClient

/// A rule's upstream by way of many accounts and addresses: asks by the pair that ``QuotaLedger`` chooses, tells it
/// what came of it, and asks by another where that helps.
///
/// Blobs, HEADs and lists are not counted by registries, and go by the account that pulled from the repository before:
/// a private image is not every account's. An account that is refused for a repository, or for which it does not
/// exist, therefore hides no other: others are asked, and who was refused is remembered (``RepositoryAccess``).
/// Logins are guarded by account (``LoginRecord``), whatever address they leave by.
package final class QuotaGovernor: Sendable {
    struct State {
        var access = RepositoryAccess()
        var clients: [QuotaPair: UpstreamClient] = [:]
        /// Why an account gave nothing, until it does.
        var problems: [AccountName: UpstreamError] = [:]
        /// How accounts stood when that was last told.
        var told: [AccountName: CredentialReport.Condition] = [:]
        /// When what was last logged, so that a flood of requests is one line.
        var logged: [String: Timestamp] = [:]
        /// Whether anything was asked since the last probe: a rule that nobody uses is not probed.
        var isInUse = false
    }

    package let configuration: Configuration
    let accounts: [AccountName: any CredentialSource]
    let logins: [AccountName: LoginRecord]
    let egresses: [EgressName: Egress]
    let transport: UpstreamTransport
    let clock: any WallClock
    let logger: Logger
    let environment: UpstreamClient.Environment
    let metrics: QuotaMetrics
    /// What is known of its pairs. Its lock is taken within ``state``'s, and never the other way round.
    let budgets: BudgetShare
    let state: Mutex<State>

    /// - Parameters:
    ///   - accounts: in the order in which they are taken where nothing else decides. None: anonymous alone.
    ///   - records: what was known before a restart.
    ///   - predecessor: whose place this one takes, with other settings: what it learnt of pairs that stay is kept.
    ///   - unchanged: those of its accounts that are as they were: their tokens and refusals stay as well.
    ///   - budgets: those of the rules that ask the same registry.
    package init(
        configuration: Configuration, accounts: [Account] = [], records: [QuotaRecord] = [],
        predecessor: QuotaGovernor? = nil, unchanged: Set<AccountName> = [],
        budgets: SharedBudgets = SharedBudgets(), transport: UpstreamTransport, clock: any WallClock, logger: Logger,
        environment: UpstreamClient.Environment = .system
    ) {
        self.configuration = configuration
        self.transport = transport
        self.clock = clock
        self.environment = environment
        var logger = logger
        logger[metadataKey: "rule"] = "\(configuration.client.name)"
        self.logger = logger
        metrics = QuotaMetrics(rule: configuration.client.name)
        self.accounts = Dictionary(accounts.map { ($0.name, $0.source) }, uniquingKeysWith: { first, _ in first })
        let egresses = configuration.egress.map { (EgressName($0.description), $0) }
        self.egresses = Dictionary(egresses, uniquingKeysWith: { first, _ in first })
        let old = predecessor?.state.withLock { $0 }
        let stays = old.map { _ in predecessor?.configuration.client == configuration.client } ?? false
        var logins: [AccountName: LoginRecord] = [.anonymous: LoginRecord()]
        for account in accounts {
            let inherited = unchanged.contains(account.name) ? predecessor?.logins[account.name] : nil
            logins[account.name] = inherited ?? account.logins ?? LoginRecord()
        }
        self.logins = logins
        let now = clock.now()
        var ledger = QuotaLedger(
            accounts: accounts.map(\.name), allowsAnonymous: configuration.allowsAnonymous || accounts.isEmpty,
            egresses: egresses.map(\.0), policy: configuration.policy, now: now)
        ledger.restore((predecessor?.records ?? []) + records, now: now)
        var identities = [AccountName.anonymous: AccountIdentity.anonymous]
        for account in accounts { identities[account.name] = account.identity }
        self.budgets = budgets.join(ledger, identities, now: now)
        var state = State()
        if stays, let old {
            state.access = old.access
            state.isInUse = old.isInUse
            state.problems = old.problems.filter { unchanged.contains($0.key) }
            let kept = unchanged.union([.anonymous])
            state.clients = old.clients.filter { kept.contains($0.key.account) }
        }
        state.told = old?.told.filter { unchanged.contains($0.key) } ?? [:]
        self.state = Mutex(state)
    }

    /// The client of a pair, made when it is first needed.
    func client(of pair: QuotaPair, _ state: inout State) -> UpstreamClient {
        if let client = state.clients[pair] { return client }
        let client = UpstreamClient(
            configuration: configuration.client,
            credentials: accounts[pair.account] ?? FixedCredentials(.anonymous),
            logins: logins[pair.account] ?? LoginRecord(), egress: egresses[pair.egress] ?? .system,
            sibling: state.clients.first?.value,
            transport: transport, clock: clock, logger: logger, environment: environment)
        state.clients[pair] = client
        return client
    }

    // MARK: Reports

    package func report() -> QuotaReport {
        let now = clock.now()
        return budgets.withLedger { $0 }.report(now: now)
    }

    /// What would be chosen for a pull from `repository`.
    package func explain(_ purpose: QuotaPurpose, in repository: String) -> QuotaExplanation {
        let now = clock.now()
        let ledger = budgets.withLedger { $0 }
        let request = state.withLock { state in
            QuotaRequest(
                purpose, preferring: state.access.account(for: repository),
                excluding: state.access.denied(in: repository, now: now))
        }
        let explanation = ledger.explain(request, now: now)
        // Where nobody else is left, those who were refused are asked all the same.
        guard case .refused(let refusal) = explanation.decision, refusal.reason == .nobody else { return explanation }
        return ledger.explain(QuotaRequest(purpose), now: now)
    }

    /// Everything that is known of its pairs.
    package var records: [QuotaRecord] { budgets.withLedger { $0.records } }

    package func source(of account: AccountName) -> (any CredentialSource)? { accounts[account] }

    /// What is to be kept across restarts, of what changed since it was last asked for.
    package func takeChanges() -> [QuotaRecord] { budgets.withLedger { $0.takeChanges() } }

    /// Says `message` at most once a minute for each `key`.
    func logOnce(_ key: String, _ message: Logger.Message, _ metadata: Logger.Metadata) {
        let now = clock.now()
        let isNews = state.withLock { state in
            if let last = state.logged[key], now - last < .seconds(60), now >= last { return false }
            if state.logged.count > 1024 { state.logged = [:] }
            state.logged[key] = now
            return true
        }
        if isNews { logger.warning(message, metadata: metadata) }
    }
}
