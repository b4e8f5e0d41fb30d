import Credentials
import HTTPSemantics
import OCI
import Quota
import RegistryTestKit
import Testing
import Timekeeping
import Upstream
import UpstreamClient

@testable import QuotaGovernor

/// Several rules that ask one registry by the same account or address.
@Suite(.timeLimit(.minutes(2)))
struct SharedBudgetsTests {
    private let alice = AccountIdentity(place: 0)

    private func account(_ name: String, _ identity: AccountIdentity?, password: String = "right")
        -> QuotaGovernor.Account
    {
        QuotaGovernor.Account(
            AccountName(name), FixedCredentials(.basic(username: "alice", password: password)), identity: identity)
    }

    /// As many as succeed of `count` pulls at once, by turns.
    private func pull(_ count: Int, _ governors: [QuotaGovernor]) async -> Int {
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<count {
                group.addTask { await governors[number % governors.count].pull() == nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
    }

    @Test func `two rules with one account spend it once, whatever they call it`() async throws {
        try await Stage.run { stage in
            let budgets = SharedBudgets()
            let first = try stage.governor(sources: [account("ours", alice)], reserve: .pulls(0), budgets: budgets)
            let second = try stage.governor(sources: [account("theirs", alice)], reserve: .pulls(0), budgets: budgets)
            stage.hub.spend(190, of: .account("alice"))
            // One hears of it, both know.
            #expect(await first.head() == nil)
            #expect(second.report().pairs.map(\.remaining) == [10])
            #expect(await pull(40, [first, second]) == 10)
            #expect(stage.hub.tally(of: .account("alice")).pulls == 10)
            #expect(stage.hub.tally(of: .account("alice")).refusedPulls == 0)
            #expect(first.report().pairs.map(\.inFlight) == [0])
            #expect(second.report().pairs.map(\.inFlight) == [0])
        }
    }

    @Test func `rules without an account share the address`() async throws {
        let regime = PullRegime(anonymous: PullLimit(30, perSeconds: 21_600), personal: nil)
        try await Stage.run(SimulatedHub.Settings(regime: regime)) { stage in
            let budgets = SharedBudgets()
            let governors = try (0..<3).map { _ in try stage.governor(reserve: .pulls(0), budgets: budgets) }
            #expect(await governors[0].head() == nil)
            #expect(await pull(90, governors) == 30)
            #expect(stage.hub.total.refusedPulls == 0)
        }
    }

    @Test func `accounts that the upstream counts as one are one from its first answers on`() async throws {
        try await Stage.run { stage in
            let budgets = SharedBudgets()
            let governors = try (0..<2).map { _ in
                try stage.governor(sources: [account("hub", nil)], reserve: .pulls(0), budgets: budgets)
            }
            for governor in governors { #expect(await governor.head() == nil) }
            stage.hub.spend(180, of: .account("alice"))
            #expect(await governors[0].head() == nil)
            #expect(await pull(60, governors) == 20)
            #expect(stage.hub.tally(of: .account("alice")).refusedPulls == 0)
        }
    }

    @Test func `each rule keeps its own reserve, and accounts of its own`() async throws {
        try await Stage.run { stage in
            let budgets = SharedBudgets()
            let careful = try stage.governor(sources: [account("hub", alice)], reserve: .pulls(15), budgets: budgets)
            let other = try stage.governor(["bob"], reserve: .pulls(0), budgets: budgets)
            let bold = try stage.governor(sources: [account("hub", alice)], reserve: .pulls(0), budgets: budgets)
            stage.hub.spend(190, of: .account("alice"))
            #expect(await bold.head() == nil)
            #expect(careful.refusal(of: .update) != nil)
            #expect(bold.refusal(of: .update) == nil)
            #expect(other.report().pairs.map(\.state) == [.unknown])
        }
    }

    @Test func `a limit that one rule runs into stops the other, and a slowed address too`() async throws {
        try await Stage.run { stage in
            let budgets = SharedBudgets()
            let first = try stage.governor(sources: [account("hub", alice)], budgets: budgets)
            let second = try stage.governor(sources: [account("hub", alice)], budgets: budgets)
            stage.hub.spend(200, of: .account("alice"))
            #expect(await first.pull() != nil)
            let count = stage.registry.requestCount()
            #expect(await second.pull() != nil)
            #expect(stage.registry.requestCount() == count)
            stage.registry.inject(.abuseLimited(retryAfterSeconds: 60))
            _ = await first.head()
            stage.registry.removeAllFaults()
            let slowed = stage.registry.requestCount()
            guard case .budgetSpent(let budget)? = await second.head() else {
                Issue.record("not slowed")
                return
            }
            #expect(budget.reason == .slowed)
            #expect(stage.registry.requestCount() == slowed)
        }
    }

    @Test func `a rule that comes later is told, and one that is gone is forgotten`() async throws {
        try await Stage.run { stage in
            let budgets = SharedBudgets()
            let first = try stage.governor(sources: [account("hub", alice)], budgets: budgets)
            stage.hub.spend(50, of: .account("alice"))
            #expect(await first.head() == nil)
            for _ in 0..<3 {
                let later = try stage.governor(sources: [account("later", alice)], budgets: budgets)
                #expect(later.report().pairs.map(\.remaining) == first.report().pairs.map(\.remaining))
                #expect(await later.pull() == nil)
            }
            #expect(budgets.memberCount == 1)
            #expect(first.report().pairs.map(\.remaining) == [147])
        }
    }

    @Test func `one password that is wrong in several rules is tried as if it were one`() async throws {
        try await Stage.run { stage in
            let logins = LoginRecord()
            let governors = try (0..<4).map { _ in
                var wrong = account("alice", alice, password: "wrong")
                wrong.logins = logins
                return try stage.governor(sources: [wrong], budgets: SharedBudgets())
            }
            for round in 0..<40 {
                _ = await governors[round % 4].pull(.named("library/image-\(round)"))
                stage.clock.advance(by: .milliseconds(500))
            }
            let tally = stage.hub.tally(ofAddress: "127.0.0.1")
            // As many as one rule makes in that time; each for itself they would make three at the least.
            #expect(tally.refusedLogins <= 8)
            #expect(tally.loginsWhileLocked == 0)
        }
    }

    // MARK: Property

    /// A registry with fixed windows and nobody else's pulls: what is reserved by whoever and spent never exceeds what
    /// was learnt, so that no pull is ever refused.
    @Test(arguments: 0..<20)
    func `what two rules have on its way together never exceeds what was learnt`(_ seed: UInt64) {
        var numbers = SeededNumbers(state: seed)
        let limit = Int64.random(in: 1...20, using: &numbers)
        let budgets = SharedBudgets()
        var now = Timestamp(seconds: 1_700_000_000)
        let shares = ["ours", "theirs"].map { name in
            budgets.join(
                QuotaLedger(
                    accounts: [AccountName(name)], allowsAnonymous: false, policy: QuotaPolicy(reserve: .pulls(0)),
                    now: now), [AccountName(name): alice], now: now)
        }
        func told(_ left: Int64) -> QuotaObservation {
            let window = Duration.seconds(600)
            return QuotaObservation(
                limit: RateLimitField(count: limit, window: window),
                remaining: RateLimitField(count: left, window: window), source: "alice")
        }
        let pair = QuotaPair(AccountName("ours"), .system)
        if let probe = shares[0].reserveProbe(of: pair, now: now) {
            shares[0].observe(told(limit), by: probe, startedAt: now, now: now)
            shares[0].settle(probe, .answered(wasToldLimits: true), now: now)
        }
        var pulls: [Timestamp] = []
        var flights: [(share: Int, grant: SharedBudgets.Grant, sentAt: Timestamp, left: Int64)] = []
        for _ in 0..<1500 {
            now = now + .milliseconds(.random(in: 0...2000, using: &numbers))
            if let first = pulls.first, now - first >= .seconds(600) { pulls = [] }
            if Bool.random(using: &numbers) {
                let share = Int.random(in: 0...1, using: &numbers)
                guard case .granted(let grant) = shares[share].choose(QuotaRequest(.firstPull), now: now) else {
                    continue
                }
                pulls.append(now)
                let left = limit - Int64(pulls.count)
                #expect(left >= 0)
                flights.append((share, grant, now, left))
            } else if !flights.isEmpty {
                let flight = flights.remove(at: .random(in: 0..<flights.count, using: &numbers))
                let share = shares[flight.share]
                share.observe(told(flight.left), by: flight.grant, startedAt: flight.sentAt, now: now)
                share.settle(flight.grant, .answered(wasToldLimits: true), now: now)
            }
            // Both always say the same.
            let reports = shares.map { share in share.withLedger { $0.report(now: now) } }
            #expect(reports[0].firstPulls == reports[1].firstPulls)
        }
        for flight in flights { shares[flight.share].settle(flight.grant, .unsent, now: now) }
        for share in shares { #expect(share.withLedger { $0.report(now: now) }.pairs.map(\.inFlight) == [0]) }
    }
}

/// SplitMix64.
private struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
