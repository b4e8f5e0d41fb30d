internal import OCI

/// The cluster whose images are followed. Given at all, even empty, it is followed.
struct KubernetesSettings {
    var kubeconfig: String?
    var context: String?
    var namespace: String?
    var leaseGrace = Duration.seconds(86_400)
    var addresses: [RegistryHost] = []
    var certificates: KubernetesCertificateSettings?
}

/// Certificates for the webhook that Weir makes and rotates. Given at all, even empty, they are.
struct KubernetesCertificateSettings {
    var secret = "weir-webhook-tls"
    var service = "weir-webhook"
    var mutating: [String] = ["weir"]
    var validating: [String] = ["weir"]
    var lease = "weir"
    var lifetime = Duration.seconds(90 * 86_400)
    var authorityLifetime = Duration.seconds(365 * 86_400)
    var overlap = Duration.seconds(3600)
}

extension KubernetesSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "kubeconfig", \.kubeconfig, .existingFile("a kubeconfig file"),
                standard: .string("the pod's service account"), "How the API server is reached, and as whom."),
            Setting("context", \.context, .text("a name"), "The kubeconfig's context. Default: its current one."),
            Setting("namespace", \.namespace, .text("a name"), "Follow this namespace's pods alone. Default: all."),
            Setting(
                "leaseGrace", \.leaseGrace, .duration(.seconds(60)...DurationText.longest), standard: .string("1d"),
                "How long images in use are kept from eviction after the API server was last heard."),
            Setting(
                "addresses", \.addresses, Format.weirAddress.list, standard: .array([]),
                "Weir's addresses in images of pods, beside 'rewrite.address' and rules' virtual hosts."),
            Setting(
                "certificates", \.certificates,
                .group(KubernetesCertificateSettings.keys, { KubernetesCertificateSettings() }),
                "Make and rotate the webhook's certificate, by an authority of Weir's own. Given, even empty, it is."),
        ]
    }
}

extension KubernetesCertificateSettings {
    static var keys: [Setting<Self>] {
        let lifetime = Duration.seconds(3600)...DurationText.longest
        return [
            Setting(
                "secret", \.secret, .text("a name"), standard: .string("weir-webhook-tls"),
                "The Secret of Weir's namespace that holds them."),
            Setting(
                "service", \.service, .text("a name"), standard: .string("weir-webhook"),
                "The webhook's Service in Weir's namespace, which the certificate is for."),
            Setting(
                "mutating", \.mutating, Format.text("a name").list, standard: .array([.string("weir")]),
                "MutatingWebhookConfigurations that are told the authority."),
            Setting(
                "validating", \.validating, Format.text("a name").list, standard: .array([.string("weir")]),
                "ValidatingWebhookConfigurations that are told the authority."),
            Setting(
                "lease", \.lease, .text("a name"), standard: .string("weir"),
                "The Lease by which one replica does this."),
            Setting(
                "lifetime", \.lifetime, .duration(lifetime), standard: .string("90d"),
                "Of a certificate; it is replaced when a third of it is left."),
            Setting(
                "authorityLifetime", \.authorityLifetime, .duration(lifetime), standard: .string("365d"),
                "Of an authority; the next one is made when a third of it is left."),
            Setting(
                "overlap", \.overlap, .duration(.seconds(60)...DurationText.longest), standard: .string("1h"),
                "How long old and new authority are both trusted, before and after the change."),
        ]
    }
}
