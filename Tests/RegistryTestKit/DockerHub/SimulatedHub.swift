package import Timekeeping

/// Docker Hub's two limiters and its token service, for any ``TestRegistry`` whose ``TestRegistry/hub`` it is.
///
/// ```swift
/// let clock = ManualWallClock()
/// let hub = SimulatedHub(clock: clock, SimulatedHub.Settings(regime: .hourly))
/// hub.add(SimulatedHub.Account("alice", password: "secret"))
/// registry.hub = hub
/// …
/// clock.advance(by: .seconds(3600))
/// #expect(hub.tally(of: .account("alice")).pulls == 100)
/// ```
///
/// It replaces the registry's ``TestRegistry/access``, ``TestRegistry/tokenAuthority`` and ``TestRegistry/rateLimit``.
/// Whoever connects from another address of `127.0.0.0/8` is another address here too. Faults may be injected at the
/// registry as ever. One hub may stand behind several registries, as the real one's token service has a host of its
/// own (``Settings/realm``).
///
/// Sources: Docker's documentation, "Docker Hub usage and limits" and its page on pulls; the token specification of
/// distribution. What they leave open is a setting.
package final class SimulatedHub: Sendable {
    package struct Settings: Sendable {
        package var regime: PullRegime
        /// Requests of an address in a minute, of every kind; nil: any number.
        package var abuseLimit: Int?
        /// `Retry-After` of a pull that is refused; the documentation names none.
        package var sendsPullRetryAfter = false
        package var abuseRetryAfterSeconds: Int?
        /// Whether a HEAD is refused, too, once no pull is left. It never counts.
        package var refusesHeadsWhenSpent = false
        /// Whether a GET of a manifest that does not exist counts.
        package var countsMissing = true
        /// Whether the fields that announce limits are sent at all: they are "best effort".
        package var announces = true
        /// Every so many manifest answers come without those fields; nil: none.
        package var silentEvery: Int?
        /// Repositories without a limit, as those of verified publishers.
        package var unlimitedRepositories: Set<String> = []
        /// Accounts that may pull from a repository; those that are not listed are public.
        package var readers: [String: Set<String>] = [:]
        package var allowsAnonymous = true
        /// Refused logins of an account, or from an address, in a row, that lock it; nil: never.
        package var lockAfterRefusals: Int? = 5
        /// Those that lie further back are forgotten.
        package var lockWindowSeconds = 1800
        package var lockSeconds = 900
        package var tokenSeconds = 300
        /// The token endpoint's address; nil: `/token` at the registry that was asked.
        package var realm: String?
        package var service = "registry.docker.io"

        package init(regime: PullRegime = .sixHours, abuseLimit: Int? = nil) {
            self.regime = regime
            self.abuseLimit = abuseLimit
        }
    }

    /// Someone with a password.
    package struct Account: Sendable, Hashable {
        package enum Plan: Sendable, Hashable {
            /// The regime's limit for personal accounts.
            case personal
            /// A limit of its own.
            case limited(PullLimit)
            /// No limit, and no fields that announce one.
            case paid
        }

        package var name: String
        package var password: String
        package var plan: Plan
        /// What `docker-ratelimit-source` says of it.
        package var id: String

        package init(_ name: String, password: String, plan: Plan = .personal, id: String? = nil) {
            self.name = name
            self.password = password
            self.plan = plan
            // The shape of a UUID, and the same each time.
            let sum = name.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
            let hex = String(sum, radix: 16)
            let tail = String(repeating: "0", count: max(0, 12 - hex.count)) + hex.suffix(12)
            self.id = id ?? "00000000-0000-4000-8000-\(tail)"
        }
    }

    /// Who is counted.
    package enum Source: Sendable, Hashable {
        /// As ``countedAddress(_:)`` gives it.
        case address(String)
        case account(String)
    }

    /// What became of one source's requests so far.
    package struct Tally: Sendable, Hashable {
        /// Manifest GETs that were counted.
        package var pulls = 0
        /// Manifest GETs that no limit applied to.
        package var unlimitedPulls = 0
        /// HEADs of manifests.
        package var heads = 0
        /// Refused because the pulls were spent.
        package var refusedPulls = 0

        package init(pulls: Int = 0, unlimitedPulls: Int = 0, heads: Int = 0, refusedPulls: Int = 0) {
            self.pulls = pulls
            self.unlimitedPulls = unlimitedPulls
            self.heads = heads
            self.refusedPulls = refusedPulls
        }
    }

    /// What is counted for each address, whoever logs in from it.
    package struct AddressTally: Sendable, Hashable {
        package var requests = 0
        package var refusedAsAbuse = 0
        package var refusedLogins = 0
        /// Logins while the account or the address was locked: what a client that cares makes none of.
        package var loginsWhileLocked = 0

        package init(
            requests: Int = 0, refusedAsAbuse: Int = 0, refusedLogins: Int = 0, loginsWhileLocked: Int = 0
        ) {
            self.requests = requests
            self.refusedAsAbuse = refusedAsAbuse
            self.refusedLogins = refusedLogins
            self.loginsWhileLocked = loginsWhileLocked
        }
    }

    struct Token: Sendable {
        var account: String?
        var repositories: Set<String>
        var expiry: Timestamp
    }

    struct Refusals: Sendable {
        var moments: [Timestamp] = []
        var lockedUntil: Timestamp?
    }

    struct State: Sendable {
        var settings: Settings
        var accounts: [String: Account] = [:]
        var tokens: [String: Token] = [:]
        var tokenCount = 0
        var windows: [Source: PullWindow] = [:]
        var abuse: [String: AbuseWindow] = [:]
        var tallies: [Source: Tally] = [:]
        var addresses: [String: AddressTally] = [:]
        var refusals: [Source: Refusals] = [:]
        var manifestAnswerCount = 0
    }

    let clock: any WallClock
    let state: Watched<State>

    package init(clock: any WallClock, _ settings: Settings = Settings()) {
        self.clock = clock
        state = Watched(State(settings: settings))
    }

    /// May be changed at any time, as Docker's may.
    package var settings: Settings {
        get { state.read { $0.settings } }
        set { state.update { $0.settings = newValue } }
    }

    /// Adds an account, or changes it: its password, its plan. Tokens that it has stay good.
    package func add(_ account: Account) { state.update { $0.accounts[account.name] = account } }

    package func remove(account name: String) { state.update { $0.accounts[name] = nil } }

    /// From now on no token that was given out until now is accepted.
    package func revokeTokens() { state.update { $0.tokens = [:] } }

    /// Tokens given out so far.
    package var issuedTokenCount: Int { state.read { $0.tokenCount } }

    /// Pulls that someone else made for `source`, at once. Those that would be refused are lost.
    package func spend(_ count: Int, of source: Source) {
        let now = clock.now()
        state.update { state in
            guard let limit = state.limit(of: source) else { return }
            for _ in 0..<count { _ = state.windows[source, default: PullWindow()].count(limit, now: now) }
        }
    }

    /// What `source` has left now; nil where no limit applies to it.
    package func remaining(of source: Source) -> Int? {
        let now = clock.now()
        return state.update { state in
            guard let limit = state.limit(of: source) else { return nil }
            return state.windows[source, default: PullWindow()].remaining(limit, now: now)
        }
    }

    package func tally(of source: Source) -> Tally { state.read { $0.tallies[source] ?? Tally() } }

    /// - Parameter address: as ``countedAddress(_:)`` gives it.
    package func tally(ofAddress address: String) -> AddressTally {
        state.read { $0.addresses[address] ?? AddressTally() }
    }

    /// Everybody's together.
    package var total: Tally {
        state.read { state in
            state.tallies.values.reduce(into: Tally()) { sum, tally in
                sum.pulls += tally.pulls
                sum.unlimitedPulls += tally.unlimitedPulls
                sum.heads += tally.heads
                sum.refusedPulls += tally.refusedPulls
            }
        }
    }

    /// Whether logins of `source` are refused now, right ones too.
    package func isLocked(_ source: Source) -> Bool {
        let now = clock.now()
        return state.read { state in state.refusals[source]?.lockedUntil.map { now < $0 } ?? false }
    }
}

extension SimulatedHub.State {
    /// The limit that holds for `source`, the repository apart.
    func limit(of source: SimulatedHub.Source) -> PullLimit? {
        switch source {
        case .address: settings.regime.anonymous
        case .account(let name):
            switch accounts[name]?.plan {
            case .paid: nil
            case .limited(let limit): limit
            case .personal, nil: settings.regime.personal
            }
        }
    }
}
