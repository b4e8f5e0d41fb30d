internal import AdmissionWebhook
internal import ClusterCertificates
internal import ClusterSecrets
internal import Listening

/// The webhook's pull secrets, from the API server.
struct ClusterPullSecrets: PullSecretSource {
    let reader: PullSecretReader

    func dockerConfig(of secret: PullSecretName) async throws(PullSecretError) -> [UInt8]? {
        do throws(PullSecretFailure) {
            return try await reader.dockerConfig(secret.name, in: secret.namespace)
        } catch {
            throw PullSecretError(error, of: secret)
        }
    }
}

/// Copies of pull secrets in pods' namespaces, made through the API server.
struct ClusterSecretCopies: PullSecretCopier {
    let copier: SecretCopier

    func ensure(_ name: String, in namespace: String) async throws(PullSecretError) {
        do throws(PullSecretFailure) {
            try await copier.ensure(name, in: namespace)
        } catch {
            throw PullSecretError(error, of: PullSecretName(namespace: namespace, name: name))
        }
    }
}

extension PullSecretError {
    fileprivate init(_ failure: PullSecretFailure, of secret: PullSecretName) {
        switch failure {
        case .missing: self = .missing(secret)
        case .malformed(let reason): self = .malformed(secret, reason: reason)
        case .unavailable(let reason): self = .unavailable(secret, reason: reason)
        }
    }
}

/// The webhook's certificate, from a Secret that the API server has.
struct ClusterCertificate: CertificateProvider {
    let follower: CertificateFollower
    /// For messages.
    let origin: String

    init(_ configuration: KubernetesConfiguration.Certificates, link: ClusterLink) {
        follower = CertificateFollower(
            client: link.client, namespace: link.namespace, secretName: configuration.secret)
        origin = "the secret \(link.namespace)/\(configuration.secret)"
    }

    func certificates() -> AsyncStream<CertificateMaterial> {
        let (follower, origin) = (follower, origin)
        return AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            // Belongs to the stream, and ends with it.
            let task = Task {
                for await material in follower.certificates() {
                    continuation.yield(
                        CertificateMaterial(
                            chain: Array(material.certificate.utf8), key: Array(material.key.utf8), origin: origin))
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
