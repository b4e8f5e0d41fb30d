internal import AdmissionWebhook
internal import Credentials
internal import Listening
internal import Logging
internal import OCI
internal import PullThroughCache
internal import QuotaGovernor
internal import RegistryServer
internal import Rules
internal import Synchronization
internal import Timekeeping
internal import UpstreamClient

/// The admission webhook, put together.
struct WebhookService: Sendable {
    /// What it stands on, as far as that differs between places.
    struct Surroundings {
        var transport: UpstreamTransport
        /// What accounts of rules are had with.
        var credentials: CredentialContext
        /// Weir's own service, where it is in this process.
        var content: (any ContentSource)?
        /// Nil: files, where the configuration names a folder of them.
        var secrets: (any PullSecretSource)?
        var copier: (any PullSecretCopier)?
        /// Weir's own, where the API server knows it and the configuration does not say.
        var namespace: String?
        /// Nil: the configuration's files.
        var certificate: (any CertificateProvider)?
        var operations: [String: @Sendable () async -> OperationalAnswer]
    }

    let server: AdmissionServer
    private let holder: WebhookSettingsHolder

    init(
        _ service: ServiceConfiguration, _ surroundings: Surroundings, logger: Logger
    ) throws(CommandFailure) {
        let configuration = service.webhook
        let certificate: ServedCertificate
        if let provider = surroundings.certificate {
            certificate = .provider(provider)
        } else if let files = configuration.tls {
            certificate = .files(files)
        } else {
            throw CommandFailure(
                .usage,
                "the webhook needs a certificate; add 'webhook.tls' with 'certificate' and 'key', or "
                    + "'kubernetes.certificates' to have one made")
        }
        let holder: WebhookSettingsHolder
        do throws(RewriteConfigurationError) {
            holder = try WebhookSettingsHolder(service, namespace: surroundings.namespace)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
        self.holder = holder
        let secrets: (any PullSecretSource)? =
            surroundings.secrets
            ?? configuration.secretsDirectory.map {
                PullSecretFiles(directory: $0, namespace: holder.settings.secretsNamespace)
            }
        if secrets == nil, configuration.asksBySecrets(holder.settings) {
            logger.warning(
                "Secrets that checks are to ask by cannot be read: there is neither 'kubernetes' nor 'webhook.secretsDirectory'"
            )
        }
        let checks = UpstreamChecks(
            configuration: configuration.checks, probe: Self.probe(holder, surroundings, logger: logger),
            secrets: secrets, clock: SystemWallClock())
        let mutator = PodMutator(
            settings: { holder.settings }, checks: checks, copier: surroundings.copier, clock: SystemWallClock(),
            logger: logger)
        let responder = ReviewResponder(
            mutator: mutator, validator: PodValidator(settings: { holder.settings }), logger: logger)
        var serverConfiguration = configuration.server
        serverConfiguration.drainTimeout = min(serverConfiguration.drainTimeout, service.server.drainTimeout)
        server = AdmissionServer(
            configuration: serverConfiguration, certificate: certificate, responder: responder,
            operations: surroundings.operations, logger: logger)
    }

    private static func probe(
        _ holder: WebhookSettingsHolder, _ surroundings: Surroundings, logger: Logger
    ) -> any ImageProbe {
        let registries = RegistryProbe(
            base: { holder.upstream(of: $0) }, credentials: surroundings.credentials, transport: surroundings.transport,
            logger: logger)
        guard let content = surroundings.content else { return registries }
        return CacheProbe(
            content: content, rules: { holder.service.rules }, address: { holder.service.rewrite.address },
            others: registries)
    }

    /// Brings a changed configuration into effect, but for what needs a restart.
    /// - Returns: why it stays as it was, or nil.
    func reload(_ service: ServiceConfiguration) -> String? {
        do throws(RewriteConfigurationError) {
            try holder.replace(with: service)
        } catch {
            return error.description
        }
        do throws(ListeningError) {
            try server.reloadCertificate()
        } catch {
            return "the webhook's certificate stays as it was: \(error)"
        }
        return nil
    }
}

/// What reviews are answered by at this moment.
final class WebhookSettingsHolder: Sendable {
    private struct State {
        var service: ServiceConfiguration
        var settings: WebhookSettings
    }

    private let state: Mutex<State>
    private let namespace: String?

    /// - Parameter namespace: Weir's own, where the configuration does not say.
    init(_ service: ServiceConfiguration, namespace: String?) throws(RewriteConfigurationError) {
        self.namespace = namespace
        state = Mutex(
            State(
                service: service,
                settings: try service.webhook.settings(of: service, generation: 1, namespace: namespace)))
    }

    var settings: WebhookSettings { state.withLock { $0.settings } }
    var service: ServiceConfiguration { state.withLock { $0.service } }

    func replace(with service: ServiceConfiguration) throws(RewriteConfigurationError) {
        let generation = settings.generation + 1
        let settings = try service.webhook.settings(of: service, generation: generation, namespace: namespace)
        state.withLock { $0 = State(service: service, settings: settings) }
    }

    /// How a registry is reached that the configuration knows: Weir itself, or what one of its rules pulls from.
    func upstream(of registry: RegistryHost) -> RuleUpstream? {
        let service = service
        if registry == service.rewrite.address {
            let weir = service.webhook.weir ?? (registry, service.server.tls != nil)
            return RuleUpstream(
                governor: QuotaGovernor.Configuration(
                    client: UpstreamClient.Configuration(
                        name: "webhook", usesTLS: weir.usesTLS, host: weir.host, userAgent: Version.userAgent)))
        }
        let rule = service.rules.rules.first { ($0.registry ?? $0.host)?.canonical == registry }
        return rule.flatMap { service.upstreams[$0.name] }
    }
}
