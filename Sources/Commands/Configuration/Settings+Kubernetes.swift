internal import OCI

/// The cluster whose images are followed. Given at all, even empty, it is followed.
struct KubernetesSettings {
    var kubeconfig: String?
    var context: String?
    var namespace: String?
    var leaseGrace = Duration.seconds(86_400)
    var addresses: [RegistryHost] = []
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
        ]
    }
}
