import Crypto
import Foundation
import Listening
import NIOSSL
import RegistryServer
import SwiftASN1
import X509

/// A certification authority of a test's own, and a server's certificate from it, in files that go with it.
final class TestCertificate: Sendable {
    let files: RegistryServer.TLS
    let authority: String
    private let directory: URL
    private let authorityKey: Certificate.PrivateKey
    private let authorityName: DistinguishedName

    init(commonName: String = "localhost") throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        files = RegistryServer.TLS(
            certificateFile: directory.appendingPathComponent("tls.crt").path,
            keyFile: directory.appendingPathComponent("tls.key").path)
        authorityKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
        authorityName = try DistinguishedName { CommonName("Weir test authority") }
        let root = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: authorityKey.publicKey,
            notValidBefore: .now.addingTimeInterval(-3600), notValidAfter: .now.addingTimeInterval(3600),
            issuer: authorityName, subject: authorityName, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            }, issuerPrivateKey: authorityKey)
        authority = try root.serializeAsPEM().pemString
        try write(commonName: commonName)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// Puts another certificate in the files' place.
    func write(commonName: String) throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let leaf = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey,
            notValidBefore: .now.addingTimeInterval(-3600), notValidAfter: .now.addingTimeInterval(3600),
            issuer: authorityName, subject: try DistinguishedName { CommonName(commonName) },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                SubjectAlternativeNames([.dnsName("localhost"), .dnsName(commonName)])
            }, issuerPrivateKey: authorityKey)
        // With its issuer, as a chain is.
        let chain = try leaf.serializeAsPEM().pemString + "\n" + authority + "\n"
        try Data(chain.utf8).write(to: URL(fileURLWithPath: files.certificateFile))
        try Data(try key.serializeAsPEM().pemString.utf8).write(to: URL(fileURLWithPath: files.keyFile))
    }

    func damage(certificate: String? = nil, key: String? = nil) throws {
        if let certificate { try Data(certificate.utf8).write(to: URL(fileURLWithPath: files.certificateFile)) }
        if let key { try Data(key.utf8).write(to: URL(fileURLWithPath: files.keyFile)) }
    }

    var clientConfiguration: TLSConfiguration {
        get throws {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)))
            return configuration
        }
    }
}
