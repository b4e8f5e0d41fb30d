internal import AdmissionWebhook
internal import Credentials
internal import Logging
internal import NIOCore
internal import OCI
internal import QuotaGovernor
internal import Synchronization
internal import Timekeeping
internal import Upstream
internal import UpstreamClient

/// Asks registries for images over HTTP.
final class RegistryProbe: ImageProbe {
    private struct Key: Hashable {
        var registry: RegistryHost
        var credentials: AccountCredentials?
        var account: CredentialsOrigin?
        var usesTLS: Bool
    }

    /// Each keeps its tokens. Full, it begins anew.
    private static let clientLimit = 64
    private static let manifestLimitBytes = 4 << 20

    private let base: @Sendable (RegistryHost) -> RuleUpstream?
    private let credentials: CredentialContext
    private let transport: UpstreamTransport
    private let logger: Logger
    private let clients = Mutex<[Key: UpstreamClient]>([:])

    /// - Parameter base: how a registry is reached that the configuration knows, its account included.
    init(
        base: @escaping @Sendable (RegistryHost) -> RuleUpstream?, credentials: CredentialContext,
        transport: UpstreamTransport, logger: Logger
    ) {
        self.base = base
        self.credentials = credentials
        self.transport = transport
        self.logger = logger
    }

    func probe(
        _ image: ImageReference, needsContent: Bool, credentials: AccountCredentials?
    ) async throws(ImageProbeError) -> ProbedManifest? {
        let known = base(image.registry)
        do throws(UpstreamError) {
            return try await ask(image, needsContent, client(image.registry, credentials, known, usesTLS: nil))
        } catch {
            // As the libraries that others check with: what is on this machine or network may have no TLS.
            guard known == nil, case .unreachable = error, Self.mayBePlain(image.registry) else {
                return try Self.translated(error)
            }
        }
        do throws(UpstreamError) {
            return try await ask(image, needsContent, client(image.registry, credentials, known, usesTLS: false))
        } catch {
            return try Self.translated(error)
        }
    }

    private func ask(
        _ image: ImageReference, _ needsContent: Bool, _ client: UpstreamClient
    ) async throws(UpstreamError) -> ProbedManifest {
        if !needsContent {
            let resolved = try await client.resolve(image.reference, in: image.repository)
            // A registry without HEAD has said nothing.
            if resolved != ResolvedManifest(digest: nil, mediaType: nil, size: nil) {
                return ProbedManifest(mediaType: resolved.mediaType, bytes: nil)
            }
        }
        let manifest = try await client.manifest(
            image.reference, in: image.repository, limitBytes: Self.manifestLimitBytes)
        return ProbedManifest(mediaType: manifest.mediaType, bytes: Array(manifest.bytes.readableBytesView))
    }

    private static func translated(_ error: UpstreamError) throws(ImageProbeError) -> ProbedManifest? {
        switch error {
        case .notFound: return nil
        case .unauthorized: throw .refused(reason: error.description)
        case .unexpectedStatus(let status) where (400..<500).contains(status):
            throw .refused(reason: error.description)
        default: throw .unavailable(reason: error.description)
        }
    }

    // MARK: Clients

    private func client(
        _ registry: RegistryHost, _ credentials: AccountCredentials?, _ known: RuleUpstream?,
        usesTLS: Bool?
    ) -> UpstreamClient {
        var configuration = known?.governor.client ?? Self.standard(registry)
        if let usesTLS { configuration.usesTLS = usesTLS }
        // A rule's own account where the pod brings none.
        let account = credentials == nil ? known?.accounts.first?.credentials : nil
        configuration.name = "webhook"
        configuration.connectTimeout = min(configuration.connectTimeout, .seconds(3))
        configuration.answerTimeout = min(configuration.answerTimeout, .seconds(5))
        // The next review asks again.
        configuration.attempts = 1
        let key = Key(
            registry: registry, credentials: credentials, account: account, usesTLS: configuration.usesTLS)
        return clients.withLock { clients in
            if let client = clients[key], client.configuration == configuration { return client }
            if clients.count >= Self.clientLimit { clients.removeAll() }
            let client = UpstreamClient(
                configuration: configuration,
                credentials: account?.source(self.credentials) ?? FixedCredentials(credentials ?? .anonymous),
                transport: transport,
                clock: SystemWallClock(), logger: logger)
            clients[key] = client
            return client
        }
    }

    private static func standard(_ registry: RegistryHost) -> UpstreamClient.Configuration {
        let wellKnown = WellKnownRegistry[registry]
        return UpstreamClient.Configuration(
            name: "webhook", host: wellKnown?.apiHost ?? registry, trustedRealmHosts: wellKnown?.trustedRealms ?? [],
            userAgent: Version.userAgent)
    }

    /// Loopback and private addresses, and names that are never in public DNS.
    private static func mayBePlain(_ registry: RegistryHost) -> Bool {
        if registry.name.hasSuffix(".local") || registry.name.hasSuffix(".localhost") { return true }
        let literal = registry.name.hasPrefix("[") ? String(registry.name.dropFirst().dropLast()) : registry.name
        guard let kind = AddressClass.ofLiteral(literal) else { return false }
        return kind == .loopback || kind == .privateNetwork
    }
}
