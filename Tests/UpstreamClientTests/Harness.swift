import Credentials
import Logging
import NIOCore
import OCI
import RegistryTestKit
import Synchronization
import Timekeeping
import Upstream

@testable import UpstreamClient

/// A client of a test registry, with time in the test's hands.
struct Harness: Sendable {
    let registry: TestRegistry
    let client: UpstreamClient
    let clock: ManualWallClock
    let pauses: Pauses
    let answers: Answers

    /// What the answers told.
    final class Answers: Sendable {
        private let reports = Mutex<[UpstreamClient.AnswerReport]>([])
        var limits: [RateLimitObservation] { reports.withLock { $0.compactMap(\.limits) } }
        var statuses: [Int] { reports.withLock { $0.map(\.status) } }
        func add(_ report: UpstreamClient.AnswerReport) { reports.withLock { $0.append(report) } }
    }

    /// The pauses between attempts, which pass at once and move the clock.
    final class Pauses: Sendable {
        private let taken = Mutex<[Duration]>([])
        var all: [Duration] { taken.withLock { $0 } }
        func add(_ pause: Duration) { taken.withLock { $0.append(pause) } }
    }

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func run(
        tls: ServerTLS? = nil, credentials: AccountCredentials = .anonymous,
        source: (any CredentialSource)? = nil, host: String? = nil,
        proxy: ProxySettings = ProxySettings(), resolver: (any HostResolver)? = nil,
        hedging: HedgePolicy.Settings = HedgePolicy.Settings(),
        configure: (inout UpstreamClient.Configuration, TestRegistry) throws -> Void = { _, _ in },
        _ body: (Harness) async throws -> Void
    ) async throws {
        try await TestRegistry.withRunning(tls: tls) { registry in
            let transport = UpstreamTransport(proxy: proxy, resolver: resolver ?? SystemHostResolver(), logger: logger)
            var configuration = UpstreamClient.Configuration(
                name: "test", usesTLS: tls != nil,
                host: try RegistryHost("\(host ?? registry.address):\(registry.port)"))
            do {
                try configure(&configuration, registry)
                let clock = ManualWallClock()
                let pauses = Pauses()
                let answers = Answers()
                var environment = UpstreamClient.Environment(
                    random: { 1 },
                    sleep: { pause in
                        pauses.add(pause)
                        clock.advance(by: pause)
                    })
                environment.hedging = hedging
                let client = UpstreamClient(
                    configuration: configuration, credentials: source ?? FixedCredentials(credentials),
                    transport: transport, clock: clock, logger: logger, environment: environment)
                let reporting = client.reporting { answers.add($0) }
                try await body(
                    Harness(registry: registry, client: reporting, clock: clock, pauses: pauses, answers: answers))
            } catch {
                try await transport.shutdown()
                throw error
            }
            try await transport.shutdown()
        }
    }
}

extension Harness {
    /// Runs against a registry that demands tokens for `image`.
    static func runWithTokens(
        _ image: TestImage.PlatformImage, _ settings: (inout TokenAuthority.Settings) -> Void = { _ in },
        credentials: AccountCredentials = .anonymous, source: (any CredentialSource)? = nil,
        configure: (inout UpstreamClient.Configuration, TestRegistry) throws -> Void = { _, _ in },
        _ body: (Harness, TokenAuthority) async throws -> Void
    ) async throws {
        var all = TokenAuthority.Settings()
        settings(&all)
        let authority = TokenAuthority(all)
        try await run(credentials: credentials, source: source, configure: configure) { harness in
            harness.registry.access = .bearer(authority)
            harness.registry.add(image, to: "library/nginx", tag: "latest")
            try await body(harness, authority)
        }
    }
}

let repository = RepositoryName.named("library/nginx")
let tag = ManifestReference.tag(.latest)

extension RepositoryName {
    static func named(_ text: String) -> RepositoryName {
        do { return try RepositoryName(text) } catch { preconditionFailure("\(error)") }
    }
}

extension UpstreamClient {
    /// A whole blob.
    func wholeBlob(_ digest: Digest, in name: RepositoryName = repository, from offset: Int64 = 0) async throws
        -> ByteBuffer
    {
        let transfer = try await blob(digest, in: name, from: offset)
        var bytes = ByteBuffer()
        for try await piece in transfer.body { bytes.writeImmutableBuffer(piece) }
        return bytes
    }

    func manifestBytes(_ reference: ManifestReference = tag, in name: RepositoryName = repository) async throws
        -> ByteBuffer
    {
        try await manifest(reference, in: name, limitBytes: 4 << 20).bytes
    }
}

/// The error of `body`; nil where there is none.
func upstreamError<Result>(_ body: () async throws -> Result) async -> UpstreamError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? UpstreamError
    }
}
