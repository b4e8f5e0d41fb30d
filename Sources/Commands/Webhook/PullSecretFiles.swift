internal import AdmissionWebhook

/// Secrets of Weir's own namespace as a pod has them mounted: `DIRECTORY/NAME/.dockerconfigjson`.
struct PullSecretFiles: PullSecretSource {
    let directory: String
    /// Whose secrets they are; those of another are not here.
    let namespace: String

    func dockerConfig(of secret: PullSecretName) async throws(PullSecretError) -> [UInt8]? {
        guard secret.namespace == namespace, PullSecretName.isName(secret.name) else { return nil }
        do throws(FileReadError) {
            let path = "\(directory)/\(secret.name)/.dockerconfigjson"
            return Array(try readTextFile(path, limitBytes: DockerConfig.sizeLimitBytes).utf8)
        } catch {
            if error.isMissing { return nil }
            throw .unavailable(secret, reason: "its file \(error.reason)")
        }
    }
}
