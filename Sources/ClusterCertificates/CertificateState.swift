internal import Foundation
package import KubernetesClient

/// The webhook's certificates, as one Secret keeps them.
package struct CertificateState: Sendable, Hashable {
    /// A certificate authority. PEM.
    package struct Authority: Sendable, Hashable {
        package var certificate: String
        package var key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// Signs the serving certificate.
    package var authority: Authority
    /// Trusted already, and to sign soon.
    package var next: Authority?
    /// In seconds since 1970.
    package var nextSince: Int64?
    /// Trusted still, and no longer signing. PEM.
    package var previous: String?
    package var previousSince: Int64?
    /// PEM.
    package var servingCertificate: String
    package var servingKey: String

    package init(authority: Authority, servingCertificate: String, servingKey: String) {
        self.authority = authority
        self.servingCertificate = servingCertificate
        self.servingKey = servingKey
    }

    /// Every authority that clients are to trust. PEM.
    package var bundle: String {
        ([authority.certificate] + [next?.certificate, previous].compactMap(\.self)).joined()
    }

    // MARK: The Secret

    /// Nil where the Secret holds no certificates of this form: it is then made anew.
    package init?(secret: JSONTree) {
        let text = { (key: String) -> String? in
            guard let encoded = secret.at("data", key)?.string, let bytes = Data(base64Encoded: encoded) else {
                return nil
            }
            return String(validating: bytes, as: UTF8.self)
        }
        let moment = { (key: String) in text(key).flatMap { Int64($0) } }
        guard let certificate = text("authority.crt"), let key = text("authority.key"), let serving = text("tls.crt"),
            let servingKey = text("tls.key")
        else { return nil }
        self.init(
            authority: Authority(certificate: certificate, key: key), servingCertificate: serving,
            servingKey: servingKey)
        if let certificate = text("next.crt"), let key = text("next.key") {
            next = Authority(certificate: certificate, key: key)
            nextSince = moment("next.since")
        }
        previous = text("previous.crt")
        previousSince = moment("previous.since")
    }

    /// The Secret's `data`. `ca.crt`, `tls.crt` and `tls.key` as every `kubernetes.io/tls` Secret has them, so that a
    /// Secret of cert-manager's can take this one's place.
    package var data: JSONTree {
        var data: JSONTree = [:]
        func put(_ key: String, _ text: String?) {
            if let text { data[key] = .string(Data(text.utf8).base64EncodedString()) }
        }
        put("ca.crt", bundle)
        put("tls.crt", servingCertificate)
        put("tls.key", servingKey)
        put("authority.crt", authority.certificate)
        put("authority.key", authority.key)
        put("next.crt", next?.certificate)
        put("next.key", next?.key)
        put("next.since", nextSince.map { "\($0)" })
        put("previous.crt", previous)
        put("previous.since", previousSince.map { "\($0)" })
        return data
    }
}
