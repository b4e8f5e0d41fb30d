internal import KubernetesClient

/// Finds the API server that a configuration, or a command's options, mean.
enum ClusterAccess {
    /// For the service.
    static func connection(_ configuration: KubernetesConfiguration) throws(CommandFailure) -> ClusterConnection {
        do throws(ClusterConnectionError) {
            if let file = configuration.kubeconfig {
                return try Kubeconfig(files: [file]).connection(context: configuration.context)
            }
            return try InClusterConfiguration.connection(environment: processEnvironment())
        } catch {
            throw CommandFailure(
                .usage, "'kubernetes' is configured, and the cluster cannot be reached: \(error)")
        }
    }

    /// For commands: the kubeconfig that `kubectl` would use, or the pod's service account.
    static func connection(kubeconfig: String?, context: String?) throws(CommandFailure) -> ClusterConnection {
        let environment = processEnvironment()
        do throws(ClusterConnectionError) {
            if let kubeconfig {
                return try Kubeconfig(files: [resolved(kubeconfig, in: workingDirectory())]).connection(
                    context: context)
            }
            if context == nil, environment["KUBECONFIG"] == nil,
                InClusterConfiguration.isPresent(environment: environment)
            {
                return try InClusterConfiguration.connection(environment: environment)
            }
            return try Kubeconfig.standard(environment: environment).connection(context: context)
        } catch {
            let advice = kubeconfig == nil ? "; name a kubeconfig by --kubeconfig" : ""
            throw CommandFailure(.usage, "\(error)\(advice)")
        }
    }
}
