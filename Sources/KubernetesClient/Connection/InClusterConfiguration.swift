/// What Kubernetes gives every pod: environment variables and the service account's files.
///
/// "Accessing the Kubernetes API from a Pod", Kubernetes documentation.
package enum InClusterConfiguration {
    package static let directory = "/var/run/secrets/kubernetes.io/serviceaccount"

    /// Whether this runs in a pod that may speak with the API server.
    package static func isPresent(environment: [String: String]) -> Bool {
        !(environment["KUBERNETES_SERVICE_HOST"] ?? "").isEmpty
    }

    /// - Parameter directory: where the service account's files are.
    package static func connection(
        environment: [String: String], directory: String = directory
    ) throws(ClusterConnectionError) -> ClusterConnection {
        guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty else {
            throw .notInCluster(reason: "KUBERNETES_SERVICE_HOST is not set")
        }
        guard let port = environment["KUBERNETES_SERVICE_PORT"].flatMap(Int.init), (1...65_535).contains(port) else {
            throw .notInCluster(reason: "KUBERNETES_SERVICE_PORT is no port")
        }
        let token = "\(directory)/token"
        guard BoundedFile.line(token) != nil else { throw .unreadable(path: token) }
        let authority = "\(directory)/ca.crt"
        guard BoundedFile.bytes(authority) != nil else { throw .unreadable(path: authority) }
        return ClusterConnection(
            server: ClusterConnection.Server(host: host, port: port), trust: .authorities(.file(authority)),
            proof: .tokenFile(token), namespace: BoundedFile.line("\(directory)/namespace") ?? "default")
    }
}
