internal import Crypto
internal import Foundation
internal import SwiftASN1
internal import X509

/// Makes authorities and serving certificates: P-256, as API servers take them.
package struct CertificateIssuer: Sendable {
    /// Certificates are good from a little before they are made, for clocks that are behind.
    private static let skewSeconds: TimeInterval = 300

    package init() {}

    /// - Parameter now: in seconds since 1970.
    func authority(now: Int64, lifetime: Duration) throws(CertificateFailure) -> CertificateState.Authority {
        do {
            let key = P256.Signing.PrivateKey()
            // A name of its own each, so that clients never take one for the other.
            let name = try DistinguishedName { CommonName("weir webhook authority \(UInt64.random(in: 0 ... .max))") }
            let certificate = try make(
                subject: name, key: key, issuer: name, issuerKey: key, now: now, lifetime: lifetime,
                Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                    Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
                    SubjectKeyIdentifier(hash: Certificate.PublicKey(key.publicKey))
                })
            return CertificateState.Authority(
                certificate: try pem(certificate), key: Self.ended(key.pemRepresentation))
        } catch {
            throw .cannotMake
        }
    }

    /// - Parameter names: the service's DNS names.
    func serving(
        names: [String], by authority: CertificateState.Authority, now: Int64, lifetime: Duration
    ) throws(CertificateFailure) -> (certificate: String, key: String) {
        do {
            let issuer = try Certificate(pemEncoded: authority.certificate)
            let issuerKey = try P256.Signing.PrivateKey(pemRepresentation: authority.key)
            let key = P256.Signing.PrivateKey()
            let certificate = try make(
                subject: try DistinguishedName { CommonName(String((names.first ?? "weir").prefix(64))) }, key: key,
                issuer: issuer.subject, issuerKey: issuerKey, now: now, lifetime: lifetime,
                try Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(KeyUsage(digitalSignature: true))
                    try ExtendedKeyUsage([.serverAuth])
                    SubjectAlternativeNames(names.map { .dnsName($0) })
                    AuthorityKeyIdentifier(
                        keyIdentifier: SubjectKeyIdentifier(hash: Certificate.PublicKey(issuerKey.publicKey))
                            .keyIdentifier)
                })
            return (try pem(certificate), Self.ended(key.pemRepresentation))
        } catch {
            throw .cannotMake
        }
    }

    private func make(
        subject: DistinguishedName, key: P256.Signing.PrivateKey, issuer: DistinguishedName,
        issuerKey: P256.Signing.PrivateKey, now: Int64, lifetime: Duration, _ extensions: Certificate.Extensions
    ) throws -> Certificate {
        let start = Date(timeIntervalSince1970: TimeInterval(now))
        return try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
            notValidBefore: start.addingTimeInterval(-Self.skewSeconds),
            notValidAfter: start.addingTimeInterval(TimeInterval(lifetime.components.seconds)), issuer: issuer,
            subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
            issuerPrivateKey: .init(issuerKey))
    }

    private func pem(_ certificate: Certificate) throws -> String {
        Self.ended(try certificate.serializeAsPEM().pemString)
    }

    /// Ended by a line, so that several stand in one file.
    private static func ended(_ text: String) -> String { text.hasSuffix("\n") ? text : text + "\n" }
}

/// Why there is no certificate.
package enum CertificateFailure: Error, Hashable, CustomStringConvertible {
    case cannotMake

    package var description: String { "a certificate cannot be made" }
}

/// What decisions need to know of a certificate.
struct CertificateFacts: Hashable {
    /// In seconds since 1970.
    let notBefore: Int64
    let notAfter: Int64
    let names: Set<String>
    private let issuer: DistinguishedName
    private let subject: DistinguishedName

    /// Nil for anything that is not one certificate.
    init?(pem: String) {
        guard let certificate = try? Certificate(pemEncoded: pem) else { return nil }
        notBefore = Int64(certificate.notValidBefore.timeIntervalSince1970)
        notAfter = Int64(certificate.notValidAfter.timeIntervalSince1970)
        issuer = certificate.issuer
        subject = certificate.subject
        var names: Set<String> = []
        for name in (try? certificate.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames() {
            if case .dnsName(let text) = name { names.insert(text) }
        }
        self.names = names
    }

    func isIssued(by authority: CertificateFacts) -> Bool { issuer == authority.subject }

    /// Whether so much of its life is over.
    func isPast(_ share: Double, at now: Int64) -> Bool {
        now >= notBefore + Int64(Double(notAfter - notBefore) * share)
    }
}
