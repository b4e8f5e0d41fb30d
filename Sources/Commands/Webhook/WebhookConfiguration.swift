package import AdmissionWebhook
internal import ImageRewriting
package import Listening
package import OCI

/// The admission webhook, checked.
package struct WebhookConfiguration: Sendable {
    /// Whether it is part of `weir serve`.
    package var isEnabled = false
    package var server = AdmissionServer.Configuration()
    package var tls: CertificateFiles?
    /// Nil where nobody said it, and this is no cluster.
    package var namespace: String?
    package var excludedNamespaces: Set<String> = ["kube-system"]
    package var failure = WebhookSettings.FailureMode.open
    package var budget = Duration.seconds(2)
    /// Whether what Weir's own rules rewrite is checked.
    package var checksAll = true
    /// For what Weir's own rules rewrite.
    package var pullSecrets: [String] = []
    /// Where Weir is asked; nil: where nodes ask it.
    package var weir: (host: RegistryHost, usesTLS: Bool)?
    package var checks = UpstreamChecks.Configuration()
    package var triesPodSecrets = false
    package var secretsDirectory: String?
    package var copiesPullSecrets = false
    package var policy = ImagePolicy()
    /// Whether harbor-container-webhook's metrics are counted as well, by its names.
    package var countsAsHarbor = false

    package init() {}

    /// What changed from `old` that only a restart brings into effect, by the names of the settings. Rules, policy,
    /// budget and what becomes of failures take effect at once.
    func changesThatNeedRestart(since old: WebhookConfiguration) -> [String] {
        var names: [String] = []
        if server.listen != old.server.listen { names.append("webhook.listen") }
        if server.operationsListen != old.server.operationsListen { names.append("webhook.operations") }
        if tls != old.tls { names.append("webhook.tls") }
        if namespace != old.namespace { names.append("webhook.namespace") }
        if weir?.host != old.weir?.host || weir?.usesTLS != old.weir?.usesTLS { names.append("webhook.weir") }
        if checks != old.checks { names.append("webhook.checks") }
        if secretsDirectory != old.secretsDirectory { names.append("webhook.secretsDirectory") }
        if copiesPullSecrets != old.copiesPullSecrets { names.append("webhook.copyPullSecrets") }
        return names
    }

    /// Whether some check wants a secret.
    func asksBySecrets(_ settings: WebhookSettings) -> Bool {
        triesPodSecrets || settings.rewriter.rules.contains { $0.check?.secretName != nil }
    }

    /// - Parameter own: Weir's own namespace, where the configuration does not say.
    /// - Throws: where what Weir serves is to be rewritten, and nobody said where Weir is.
    func settings(
        of service: ServiceConfiguration, generation: UInt64, namespace own: String? = nil
    ) throws(RewriteConfigurationError) -> WebhookSettings {
        WebhookSettings(
            rewriter: try service.rewrite.rewriter(
                service.rules, check: checksAll ? UpstreamCheck(platforms: []) : nil, pullSecrets: pullSecrets),
            generation: generation, ownNamespace: namespace ?? own, excludedNamespaces: excludedNamespaces,
            failure: failure,
            budget: budget, triesPodSecrets: triesPodSecrets, copiesPullSecrets: copiesPullSecrets, policy: policy,
            countsAsHarbor: countsAsHarbor)
    }
}

/// Makes the webhook's configuration from what is written.
struct WebhookConfigurationAssembly {
    private(set) var configuration = WebhookConfiguration()
    private(set) var problems: [ConfigurationProblem] = []

    init(
        _ settings: WebhookFileSettings, rewrite: RewriteConfiguration, makesCertificates: Bool,
        environment: [String: String], source: String
    ) {
        configuration.isEnabled = settings.enabled
        configuration.server.listen = settings.listen
        configuration.server.operationsListen = settings.operations
        configuration.namespace = settings.namespace ?? Self.ownNamespace(environment)
        configuration.excludedNamespaces = Set(settings.excludeNamespaces)
        configuration.failure = WebhookSettings.FailureMode(rawValue: settings.failure) ?? .open
        configuration.budget = settings.budget
        configuration.checksAll = settings.checkUpstream
        configuration.pullSecrets = settings.pullSecrets
        configuration.weir = settings.weir.map { ($0.host, $0.usesTLS) }
        configuration.checks = UpstreamChecks.Configuration(
            timeout: settings.checks.timeout, positive: settings.checks.positive, negative: settings.checks.negative)
        configuration.triesPodSecrets = settings.podSecrets
        configuration.secretsDirectory = settings.secretsDirectory
        configuration.copiesPullSecrets = settings.copyPullSecrets
        configuration.countsAsHarbor = settings.harborMetrics
        let action = { (word: String) in ImagePolicy.Action(rawValue: word) ?? .allow }
        configuration.policy = ImagePolicy(
            allowedRegistries: settings.validate.allow, deniedRegistries: settings.validate.deny,
            registryAction: action(settings.validate.registries), movingTags: action(settings.validate.movingTags),
            missingDigests: action(settings.validate.missingDigests))
        if let tls = settings.tls { addCertificate(tls) }
        if settings.enabled, configuration.tls == nil, settings.tls == nil, !makesCertificates {
            problems.append(
                ConfigurationProblem(
                    "the webhook needs a certificate; add 'webhook.tls' with 'certificate' and 'key', or "
                        + "'kubernetes.certificates' to have one made",
                    at: .init(source: source)))
        }
        if settings.enabled, rewrite.includesAll, rewrite.address == nil {
            problems.append(
                ConfigurationProblem(
                    "the webhook has to know where nodes reach Weir; add 'rewrite.address'", at: .init(source: source)))
        }
    }

    private mutating func addCertificate(_ tls: Located<ServerTLSSettings>) {
        guard let certificate = tls.value.certificate, let key = tls.value.key else {
            problems.append(
                ConfigurationProblem("'tls' needs both 'certificate' and 'key'; add the other", at: tls.place))
            return
        }
        configuration.tls = CertificateFiles(certificateFile: certificate, keyFile: key)
    }

    /// As harbor-container-webhook finds it.
    private static func ownNamespace(_ environment: [String: String]) -> String? {
        if let name = environment["POD_NAMESPACE"], PullSecretName.isName(name) { return name }
        let path = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
        guard let text = try? readTextFile(path, limitBytes: 1024) else { return nil }
        let name = text.filter { !$0.isWhitespace }
        return PullSecretName.isName(name) ? name : nil
    }
}
