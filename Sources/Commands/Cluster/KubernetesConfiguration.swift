package import OCI

/// How Weir follows a cluster.
package struct KubernetesConfiguration: Sendable, Hashable {
    /// Nil: as a pod of the cluster.
    package var kubeconfig: String?
    package var context: String?
    /// Nil: all.
    package var namespace: String?
    package var leaseGrace: Duration
    /// Weir's own, in images of pods.
    package var addresses: [RegistryHost]

    init(_ settings: KubernetesSettings) {
        kubeconfig = settings.kubeconfig
        context = settings.context
        namespace = settings.namespace
        leaseGrace = settings.leaseGrace
        addresses = settings.addresses
    }
}
