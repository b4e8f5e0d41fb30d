import Credentials
import Logging
import OCI
import Quota
import QuotaGovernor
import RegistryTestKit
import Synchronization
import Timekeeping
import Upstream
import UpstreamClient

/// A governor in front of a simulated Docker Hub, with time in the test's hands.
struct Stage: Sendable {
    let registry: TestRegistry
    let hub: SimulatedHub
    let clock: ManualWallClock
    let transport: UpstreamTransport
    let environment: UpstreamClient.Environment

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    static let nginx = RepositoryName.named("library/nginx")
    static let latest = ManifestReference.tag(.latest)

    /// - Parameter accounts: names, each with the password `right`.
    static func run(
        _ settings: SimulatedHub.Settings = .init(), accounts: [String] = ["alice", "bob", "carol"],
        _ body: (Stage) async throws -> Void
    ) async throws {
        let clock = ManualWallClock()
        let hub = SimulatedHub(clock: clock, settings)
        for name in accounts { hub.add(SimulatedHub.Account(name, password: "right", id: "id-\(name)")) }
        try await TestRegistry.withRunning { registry in
            registry.hub = hub
            for repository in ["library/nginx", "secret/app"] {
                registry.addSingleImage(repository: repository, tag: "latest", layerSizes: [100])
            }
            let transport = UpstreamTransport(proxy: ProxySettings(), logger: logger)
            let environment = UpstreamClient.Environment(random: { 1 }, sleep: { clock.advance(by: $0) })
            let stage = Stage(
                registry: registry, hub: hub, clock: clock, transport: transport, environment: environment)
            do {
                try await body(stage)
            } catch {
                try await transport.shutdown()
                throw error
            }
            try await transport.shutdown()
        }
    }

    func governor(
        _ accounts: [String] = [], passwords: [String: String] = [:], sources: [QuotaGovernor.Account] = [],
        anonymous: Bool? = nil, egress: [Egress] = [], reserve: QuotaPolicy.Share = .percent(10),
        leadsToUpstream: Bool = false, records: [QuotaRecord] = [], predecessor: QuotaGovernor? = nil,
        unchanged: Set<AccountName> = [], budgets: SharedBudgets = SharedBudgets(),
        logger: Logger = Self.logger
    ) throws -> QuotaGovernor {
        var client = UpstreamClient.Configuration(name: "hub", usesTLS: false, host: try registry.host)
        client.attempts = 1
        let configuration = QuotaGovernor.Configuration(
            client: client, allowsAnonymous: anonymous ?? (accounts.isEmpty && sources.isEmpty), egress: egress,
            policy: QuotaPolicy(reserve: reserve), leadsToUpstream: leadsToUpstream,
            probe: QuotaGovernor.Probe(repository: Self.nginx, reference: Self.latest))
        let fixed = accounts.map { name in
            QuotaGovernor.Account(
                AccountName(name),
                FixedCredentials(.basic(username: name, password: passwords[name] ?? "right")))
        }
        return QuotaGovernor(
            configuration: configuration, accounts: fixed + sources, records: records, predecessor: predecessor,
            unchanged: unchanged, budgets: budgets, transport: transport, clock: clock, logger: logger,
            environment: environment)
    }
}

extension RepositoryName {
    static func named(_ text: String) -> RepositoryName {
        do { return try RepositoryName(text) } catch { preconditionFailure("\(error)") }
    }
}

extension QuotaGovernor {
    func pull(_ repository: RepositoryName = Stage.nginx, for purpose: PullPurpose = .first) async -> UpstreamError? {
        do throws(UpstreamError) {
            _ = try await manifest(Stage.latest, in: repository, limitBytes: 1 << 20, for: purpose)
            return nil
        } catch {
            return error
        }
    }

    func head(_ repository: RepositoryName = Stage.nginx) async -> UpstreamError? {
        do throws(UpstreamError) {
            _ = try await resolve(Stage.latest, in: repository)
            return nil
        } catch {
            return error
        }
    }
}

/// A source in the test's hands.
final class SwitchedSource: CredentialSource {
    let origin = "the file /run/secrets/hub"
    private let state: Mutex<Result<AccountCredentials, CredentialError>>
    let refusals = Mutex(0)
    /// How often it was asked.
    let askedCount = Mutex(0)
    /// What it says of itself.
    let condition = Mutex(CredentialReport.Condition.good)

    init(_ value: Result<AccountCredentials, CredentialError>) { state = Mutex(value) }

    func set(_ value: Result<AccountCredentials, CredentialError>) { state.withLock { $0 = value } }

    func credentials() async throws(CredentialError) -> IssuedCredentials {
        askedCount.withLock { $0 += 1 }
        return IssuedCredentials(try state.withLock { $0 }.get())
    }

    func report(at now: Timestamp) -> CredentialReport {
        CredentialReport(origin: origin, condition: condition.withLock(\.self))
    }

    func noteRefused(_ credentials: AccountCredentials) { refusals.withLock { $0 += 1 } }
}
