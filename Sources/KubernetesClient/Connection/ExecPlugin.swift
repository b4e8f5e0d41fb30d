/// A program that prints credentials. kubeconfig `users[].user.exec`; client.authentication.k8s.io/v1 and v1beta1.
package struct ExecPlugin: Sendable, Hashable {
    package enum Version: String, Sendable, Hashable {
        case v1 = "client.authentication.k8s.io/v1"
        case v1beta1 = "client.authentication.k8s.io/v1beta1"
    }

    package var version: Version
    /// A path, or a name that is looked for in `PATH`.
    package var command: String
    package var arguments: [String]
    /// Laid over this process's environment.
    package var environment: [String: String]
    /// Said where the program is missing.
    package var installHint: String?
    /// What the program is told of the cluster in `KUBERNETES_EXEC_INFO`; nil where it asked for nothing.
    package var cluster: JSONTree?
    /// How long it may take; default one minute, since some ask a browser.
    package var timeout: Duration

    package init(
        version: Version, command: String, arguments: [String] = [], environment: [String: String] = [:],
        installHint: String? = nil, cluster: JSONTree? = nil, timeout: Duration = .seconds(60)
    ) {
        self.version = version
        self.command = command
        self.arguments = arguments
        self.environment = environment
        self.installHint = installHint
        self.cluster = cluster
        self.timeout = timeout
    }

    /// `KUBERNETES_EXEC_INFO`.
    var information: String {
        var spec: JSONTree = ["interactive": false]
        if let cluster { spec["cluster"] = cluster }
        let document: JSONTree = ["apiVersion": .string(version.rawValue), "kind": "ExecCredential", "spec": spec]
        return document.text
    }
}

/// What the program printed.
struct ExecCredential: Hashable {
    var token: String?
    /// PEM, chain and key.
    var certificate: [UInt8]?
    var key: [UInt8]?
    /// In seconds since 1970; nil: until the server refuses it.
    var expiresAt: Int64?

    /// - Throws: ``KubernetesError/credentials(reason:)``; what was printed is never repeated.
    init(parsing bytes: [UInt8], version: ExecPlugin.Version) throws(KubernetesError) {
        let document: JSONTree
        do { document = try JSONTree(parsing: bytes) } catch {
            throw .credentials(reason: "the exec plug-in printed something that is not JSON")
        }
        guard document["kind"]?.string == "ExecCredential" else {
            throw .credentials(reason: "the exec plug-in printed no ExecCredential")
        }
        guard document["apiVersion"]?.string == version.rawValue else {
            throw .credentials(
                reason: "the exec plug-in answered in another version than \(version.rawValue), which was asked for")
        }
        guard let status = document["status"], status.object != nil else {
            throw .credentials(reason: "the exec plug-in printed no status")
        }
        token = status["token"]?.string
        certificate = status["clientCertificateData"]?.string.map { Array($0.utf8) }
        key = status["clientKeyData"]?.string.map { Array($0.utf8) }
        guard token != nil || certificate != nil, (certificate == nil) == (key == nil) else {
            throw .credentials(
                reason: "the exec plug-in printed neither a token nor a client certificate with its key")
        }
        if let text = status["expirationTimestamp"]?.string {
            guard let moment = RFC3339.seconds(text) else {
                throw .credentials(reason: "the exec plug-in printed a malformed expirationTimestamp")
            }
            expiresAt = moment
        }
    }
}
