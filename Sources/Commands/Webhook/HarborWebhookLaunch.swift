internal import AdmissionWebhook
internal import ImageRewriting
internal import KubernetesClient
internal import Listening
internal import Yams

/// Starts the webhook from harbor-container-webhook's file alone, as its own program does.
enum HarborWebhookLaunch {
    /// Whether `path` is such a file. There `rules` is a list, in Weir's own configuration a table.
    static func isHarborFile(_ path: String) -> Bool {
        guard let text = try? readTextFile(path, limitBytes: YAMLDocument.sizeLimitBytes),
            let root = (try? YAMLDocument.parse(text, source: path)) ?? nil,
            case .mapping(let mapping) = root, case .sequence? = mapping["rules"]
        else { return false }
        return true
    }

    /// Puts the file's addresses and certificate in the place of Weir's own.
    static func apply(to service: inout ServiceConfiguration, environment: [String: String]) {
        guard let harbor = service.rewrite.harborWebhook else { return }
        // As there, a rule's secret is read from the API server.
        if harbor.rules.contains(where: { $0.check?.secretName != nil }) {
            service.kubernetes = cluster(environment)
        }
        service.webhook.server.listen = ["0.0.0.0:\(harbor.port)"]
        // Their own defaults are off, too; one address may be both.
        var operations: [String] = []
        for address in [harbor.healthAddress, harbor.metricsAddress]
        where !address.isEmpty && address != "0" && !operations.contains(address) {
            operations.append(address)
        }
        service.webhook.server.operationsListen = operations
        let directory =
            harbor.certificateDirectory ?? "\(environment["TMPDIR"] ?? "/tmp")/k8s-webhook-server/serving-certs"
        service.webhook.tls = CertificateFiles(
            certificateFile: "\(directory)/tls.crt", keyFile: "\(directory)/tls.key")
        service.webhook.countsAsHarbor = true
        if harbor.isVerbose { service.log.level = "debug" }
    }

    /// As controller-runtime finds it ("GetConfig"): by `KUBECONFIG`, then by the pod's own account.
    private static func cluster(_ environment: [String: String]) -> KubernetesConfiguration? {
        var settings = KubernetesSettings()
        if let path = environment["KUBECONFIG"], !path.isEmpty {
            settings.kubeconfig = path
        } else if !InClusterConfiguration.isPresent(environment: environment) {
            return nil
        }
        return KubernetesConfiguration(settings)
    }
}
