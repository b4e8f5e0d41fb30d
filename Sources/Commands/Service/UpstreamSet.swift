internal import Logging
internal import MetadataStore
internal import Quota
internal import QuotaGovernor
internal import Rules
internal import ServiceLifecycle
internal import Synchronization
internal import Timekeeping
internal import Upstream
internal import UpstreamClient

/// The upstreams of all rules, over one transport; keeps what they learn of their limits in the catalogue.
final class UpstreamSet: Sendable {
    /// How often what was learnt is written, and budgets that nobody has heard of are asked after.
    private static let interval = Duration.seconds(10)
    /// What was heard of longest ago says nothing any more.
    private static let memory = Duration.seconds(30 * 86_400)

    private struct Entry {
        var configuration: RuleUpstream
        var governor: QuotaGovernor
    }

    private struct State {
        var entries: [RuleName: Entry] = [:]
        var shared = SharedAccounts()
        /// What was known before the start, for rules that come later.
        var records: [RuleName: [QuotaRecord]]
    }

    private let credentials: CredentialContext
    private let transport: UpstreamTransport
    private let metadata: any MetadataStore
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameter records: what was known before.
    init(
        _ configurations: [RuleName: RuleUpstream], records: [RuleName: [QuotaRecord]], transport: UpstreamTransport,
        metadata: any MetadataStore, credentials: CredentialContext, logger: Logger
    ) {
        self.credentials = credentials
        self.transport = transport
        self.metadata = metadata
        self.logger = logger
        state = Mutex(State(records: records))
        state.withLock { state in
            update(&state, to: configurations)
        }
    }

    subscript(rule: RuleName) -> QuotaGovernor? { state.withLock { $0.entries[rule]?.governor } }

    var registries: [RuleName: any UpstreamRegistry] { state.withLock { $0.entries.mapValues(\.governor) } }

    /// Brings `configurations` into effect. A rule that is as it was stays as it is; of one that changed, what was
    /// learnt of pairs that stay is kept, and so are the tokens of accounts that did not change. Returns the upstreams
    /// before, of rules that are gone too, overlaid with the new ones.
    func replace(with configurations: [RuleName: RuleUpstream]) -> [RuleName: any UpstreamRegistry] {
        state.withLock { state in
            let old = state.entries
            for (rule, entry) in old {
                if configurations[rule] == nil { state.records[rule] = entry.governor.records }
            }
            update(&state, to: configurations)
            let before: [RuleName: any UpstreamRegistry] = old.mapValues(\.governor)
            return before.merging(state.entries.mapValues(\.governor)) { _, new in new }
        }
    }

    private func update(_ state: inout State, to configurations: [RuleName: RuleUpstream]) {
        let old = state.entries
        state.shared.keep(configurations.values)
        state.entries = [:]
        for (rule, configuration) in configurations {
            state.entries[rule] = entry(
                configuration, before: old[rule], records: state.records[rule] ?? [], &state.shared)
        }
    }

    private func entry(
        _ configuration: RuleUpstream, before: Entry?, records: [QuotaRecord], _ shared: inout SharedAccounts
    ) -> Entry {
        if let before, before.configuration == configuration { return before }
        let unchanged = configuration.accounts.filter { before?.configuration.accounts.contains($0) ?? false }
        let client = configuration.governor.client
        var accounts: [QuotaGovernor.Account] = []
        for account in configuration.accounts {
            let known = unchanged.contains(account) ? before?.governor.source(of: account.name) : nil
            accounts.append(shared.account(account, known ?? account.credentials.source(credentials), at: client))
        }
        let governor = QuotaGovernor(
            configuration: configuration.governor, accounts: accounts, records: records, predecessor: before?.governor,
            unchanged: Set(unchanged.map(\.name)),
            budgets: shared.budgets(of: client), transport: transport, clock: SystemWallClock(), logger: logger)
        return Entry(configuration: configuration, governor: governor)
    }

    // MARK: Keeping

    /// Writes what is learnt, and asks after what nobody has heard of; ends with everything written.
    func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
                if Task.isCancelled { break }
                for governor in self.governors {
                    governor.announceAccounts()
                    await governor.probeIfDue()
                }
                await self.keep()
            }
        }
        await keep()
    }

    /// How the accounts of each rule stand.
    var accountReports: [RuleName: [QuotaGovernor.AccountReport]] {
        state.withLock { $0.entries.mapValues(\.governor) }.mapValues(\.accountReports)
    }

    private var governors: [QuotaGovernor] { state.withLock { $0.entries.values.map(\.governor) } }

    private func keep() async {
        let governors = state.withLock { $0.entries.mapValues(\.governor) }
        let changes = governors.mapValues { $0.takeChanges() }.filter { !$0.value.isEmpty }
        guard !changes.isEmpty else { return }
        do throws(MetadataStoreError) {
            try await metadata.put(quotas: changes, forgettingBefore: SystemWallClock().now() - Self.memory)
        } catch {
            // The next answer tells it again.
            logger.debug("What is known of pull limits was not kept", metadata: ["error": "\(error)"])
        }
    }
}
