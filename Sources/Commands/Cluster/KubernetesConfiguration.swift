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
    /// Nil makes no certificates.
    package var certificates: Certificates?

    package struct Certificates: Sendable, Hashable {
        package var secret: String
        package var service: String
        package var mutating: [String]
        package var validating: [String]
        package var lease: String
        package var lifetime: Duration
        package var authorityLifetime: Duration
        package var overlap: Duration
    }

    init(_ settings: KubernetesSettings) {
        kubeconfig = settings.kubeconfig
        context = settings.context
        namespace = settings.namespace
        leaseGrace = settings.leaseGrace
        addresses = settings.addresses
        certificates = settings.certificates.map { settings in
            Certificates(
                secret: settings.secret, service: settings.service, mutating: settings.mutating,
                validating: settings.validating, lease: settings.lease, lifetime: settings.lifetime,
                authorityLifetime: settings.authorityLifetime, overlap: settings.overlap)
        }
    }
}
