internal import Credentials
internal import FilesystemBlobStore
internal import Foundation
internal import Logging
internal import MetadataStore
package import OCI
internal import PullThroughCache
internal import Quota
internal import QuotaGovernor
package import RegistryTestKit
internal import Rules
internal import SQLiteMetadataStore
package import Timekeeping
internal import Upstream
internal import UpstreamClient

/// Weir itself, by its own parts: the cache over a real store and catalogue, the upstream over sockets. Nothing but the
/// clock is made up.
package final class WeirDay: DaySystem {
    private let contents: DayContents
    private let registry: TestRegistry
    private let cache: PullThroughCache
    private let rule: Rule

    /// Runs `body` with a Weir that has nothing cached.
    /// - Parameter accounts: of `hub`, with their passwords.
    package static func withRunning<Result>(
        contents: DayContents, hub: SimulatedHub, clock: any WallClock, accounts: [SimulatedHub.Account],
        _ body: (WeirDay) async throws -> Result
    ) async throws -> Result {
        let directory = FileManager.default.temporaryDirectory.path + "/weir-day-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        return try await TestRegistry.withRunning { registry in
            registry.hub = hub
            for (index, image) in contents.plan.images.enumerated() {
                registry.add(contents.versions[index][0], to: image)
            }
            let quiet = Logger(label: "day") { _ in SwiftLogNoOpLogHandler() }
            let store = try await FilesystemBlobStore.open(directory: directory, logger: quiet)
            let metadata = try await SQLiteMetadataStore.open(path: directory + "/catalogue.sqlite", logger: quiet)
            let transport = UpstreamTransport(proxy: ProxySettings(), logger: quiet)
            let rule = Rule(
                name: try RuleName("hub"), host: try registry.host, freshness: FreshnessPolicy(),
                outage: OutagePolicy())
            let upstream = try Self.upstream(
                registry, accounts: accounts, transport: transport, clock: clock, logger: quiet)
            // Blobs cost no pulls, and are left alone.
            let cache = PullThroughCache(
                configuration: Configuration(fetchesAhead: false), upstreams: [rule.name: upstream], blobs: store,
                journal: store.journal, metadata: metadata, clock: clock, logger: quiet)
            let running = Task { try await cache.run() }
            let outcome: Swift.Result<Result, any Error>
            do {
                outcome = .success(
                    try await body(WeirDay(contents: contents, registry: registry, cache: cache, rule: rule)))
            } catch {
                outcome = .failure(error)
            }
            running.cancel()
            _ = await running.result
            try await transport.shutdown()
            try await metadata.close()
            await store.close()
            return try outcome.get()
        }
    }

    private static func upstream(
        _ registry: TestRegistry, accounts: [SimulatedHub.Account], transport: UpstreamTransport,
        clock: any WallClock, logger: Logger
    ) throws -> any UpstreamRegistry {
        let client = UpstreamClient.Configuration(name: "hub", usesTLS: false, host: try registry.host)
        return QuotaGovernor(
            configuration: QuotaGovernor.Configuration(client: client, allowsAnonymous: accounts.isEmpty),
            accounts: accounts.map { account in
                QuotaGovernor.Account(
                    AccountName(account.name),
                    FixedCredentials(.basic(username: account.name, password: account.password)))
            }, transport: transport, clock: clock, logger: logger)
    }

    private init(contents: DayContents, registry: TestRegistry, cache: PullThroughCache, rule: Rule) {
        self.contents = contents
        self.registry = registry
        self.cache = cache
        self.rule = rule
    }

    package func resolve(_ image: Int, client: Int) async -> DayAnswer {
        do {
            let tag = ManifestReference.tag(try Tag(contents.plan.images[image].tag))
            return await ask(tag, image, isHead: true, client)
        } catch {
            return .failed("\(error)")
        }
    }

    package func fetch(_ digest: Digest, of image: Int, client: Int) async -> DayAnswer {
        await ask(.digest(digest), image, isHead: false, client)
    }

    private func ask(_ reference: ManifestReference, _ image: Int, isHead: Bool, _ client: Int) async -> DayAnswer {
        do {
            let repository = RepositoryKey(
                rule: rule.name, name: try RepositoryName(contents.plan.images[image].repository))
            let request = ManifestRequest(
                rule: rule, repository: repository, reference: reference, isHead: isHead,
                client: Client(address: "10.0.\(client / 250).\(client % 250 + 1)", mayRefresh: false))
            if let answer = cache.manifestInMemory(request) { return .manifest(answer.digest) }
            return .manifest(try await cache.manifest(request).digest)
        } catch CacheError.upstream(.rateLimited), CacheError.upstream(.budgetSpent) {
            return .refused
        } catch {
            return .failed("\(error)")
        }
    }

    package func moved(_ image: Int) async {
        registry.add(contents.image(image), to: contents.plan.images[image])
    }

    /// Revalidations behind clients' backs come to their end before the clock moves on.
    package func settle() async {
        repeat {
            for _ in 0..<8 { await Task.yield() }
        } while registry.isAnyRequestUnderWay
        registry.forgetRequests()
    }

    /// Pulls an image into the cache as `weir warm` does.
    package func warm(_ image: Int) async throws {
        let named = contents.plan.images[image]
        _ = try await cache.warm(
            .tag(try Tag(named.tag)), in: RepositoryKey(rule: rule.name, name: try RepositoryName(named.repository)),
            rule: rule, platforms: .all
        ) { _ in }
    }

    /// Pulls as the books have them.
    package func bookedPulls(since begin: Timestamp) async throws -> Int {
        try await cache.spend(by: .rule, since: begin, limit: 10).reduce(0) { $0 + $1.pulls }
    }
}

extension TestRegistry {
    fileprivate func add(_ image: TestImage, to target: DayPlan.Image) {
        for platform in image.images { add(platform, to: target.repository) }
        add(manifest: image.index, to: target.repository, tag: target.tag)
    }

    fileprivate var isAnyRequestUnderWay: Bool { requests.contains { $0.progress == .underWay } }
}
