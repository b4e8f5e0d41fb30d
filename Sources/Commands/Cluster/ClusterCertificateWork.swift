internal import ClusterCertificates
internal import KubernetesClient
internal import Logging
internal import Metrics

/// Makes and rotates the webhook's certificates, on the replica that leads.
struct ClusterCertificateWork: Sendable {
    private let elector: LeaderElector
    private let keeper: CertificateKeeper

    init(_ configuration: KubernetesConfiguration.Certificates, link: ClusterLink, logger: Logger) {
        let (client, namespace) = (link.client, link.namespace)
        // A pod's host name is its own; the number tells two runs of one pod apart.
        let host = processEnvironment()["HOSTNAME"] ?? "weir"
        elector = LeaderElector(
            client, namespace: namespace, name: configuration.lease,
            identity: "\(host)_\(UInt32.random(in: 0 ... .max))")
        let service = "\(configuration.service).\(namespace).svc"
        keeper = CertificateKeeper(
            client: client,
            configuration: CertificateKeeper.Configuration(
                namespace: namespace, secretName: configuration.secret,
                mutatingConfigurations: configuration.mutating, validatingConfigurations: configuration.validating,
                plan: CertificatePlan(
                    names: [service, "\(service).cluster.local"], authorityLifetime: configuration.authorityLifetime,
                    servingLifetime: configuration.lifetime, overlap: configuration.overlap)),
            logger: logger)
    }

    /// Until cancelled.
    func run() async {
        let leader = Gauge(label: "weir_cluster_leader")
        leader.record(0)
        await elector.run {
            leader.record(1)
            await keeper.run()
            leader.record(0)
        }
    }
}
