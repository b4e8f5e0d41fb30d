internal import Foundation
internal import KubernetesClient
internal import Synchronization

/// The certificate that was told last.
final class Latest: Sendable {
    private let material = Mutex<CertificateFollower.Material?>(nil)

    /// - Returns: whether it is another.
    func replace(with new: CertificateFollower.Material) -> Bool {
        material.withLock { material in
            defer { material = new }
            return material != new
        }
    }
}

extension CertificateFollower.Material {
    /// Nil where the Secret holds no certificate with a key.
    init?(secret: JSONTree) {
        let text = { (key: String) -> String? in
            guard let encoded = secret.at("data", key)?.string, let bytes = Data(base64Encoded: encoded),
                !bytes.isEmpty
            else { return nil }
            return String(validating: bytes, as: UTF8.self)
        }
        guard let certificate = text("tls.crt"), let key = text("tls.key") else { return nil }
        self.init(certificate: certificate, key: key)
    }
}
