internal import Crypto
internal import FoundationEssentials
internal import NIOSSL
internal import SwiftASN1
internal import X509

/// A certificate authority made for a test, with a server's and a client's certificate of it, as PEM files in a
/// directory of its own that is removed with it.
package final class TestCertificates: Sendable {
    /// The directory of the files.
    package let directory: String
    package var authorityFile: String { directory + "/ca.pem" }
    /// For `localhost`, `127.0.0.1` to `127.0.0.4`, `::1`, and the names given.
    package var serverCertificateFile: String { directory + "/server.pem" }
    package var serverKeyFile: String { directory + "/server-key.pem" }
    package var clientCertificateFile: String { directory + "/client.pem" }
    package var clientKeyFile: String { directory + "/client-key.pem" }

    /// - Parameter names: further names of the server.
    package init(names: [String] = []) throws {
        let authorityKey = P256.Signing.PrivateKey()
        let authorityName = try DistinguishedName { CommonName("Test authority \(UInt32.random(in: 0 ... .max))") }
        let authority = try Self.certificate(
            subject: authorityName, key: authorityKey, issuer: authorityName, issuerKey: authorityKey,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
            })
        let serverKey = P256.Signing.PrivateKey()
        let addresses =
            (1...4).map { ASN1OctetString(contentBytes: [127, 0, 0, UInt8($0)]) }
            + [ASN1OctetString(contentBytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])]
        let server = try Self.certificate(
            subject: try DistinguishedName { CommonName("Test server") }, key: serverKey, issuer: authorityName,
            issuerKey: authorityKey,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(
                    (["localhost"] + names).map { GeneralName.dnsName($0) } + addresses.map { .ipAddress($0) })
            })
        let clientKey = P256.Signing.PrivateKey()
        let client = try Self.certificate(
            subject: try DistinguishedName { CommonName("Test client") }, key: clientKey, issuer: authorityName,
            issuerKey: authorityKey,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                try ExtendedKeyUsage([.clientAuth])
            })
        let directory = FileManager.default.temporaryDirectory.path + "/weir-certificates-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        self.directory = directory
        try write(authority.serializeAsPEM().pemString, to: authorityFile)
        try write(server.serializeAsPEM().pemString, to: serverCertificateFile)
        try write(serverKey.pemRepresentation, to: serverKeyFile)
        try write(client.serializeAsPEM().pemString, to: clientCertificateFile)
        try write(clientKey.pemRepresentation, to: clientKeyFile)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private static func certificate(
        subject: DistinguishedName, key: P256.Signing.PrivateKey, issuer: DistinguishedName,
        issuerKey: P256.Signing.PrivateKey, extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
            notValidBefore: Date.now.addingTimeInterval(-3600), notValidAfter: Date.now.addingTimeInterval(86_400),
            issuer: issuer, subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
            issuerPrivateKey: .init(issuerKey))
    }
}

/// How a ``TestRegistry`` speaks TLS.
package struct ServerTLS: Sendable {
    package var certificates: TestCertificates
    /// Refuse clients that show no certificate of the same authority.
    package var demandsClientCertificate: Bool

    package init(_ certificates: TestCertificates, demandsClientCertificate: Bool = false) {
        self.certificates = certificates
        self.demandsClientCertificate = demandsClientCertificate
    }

    func makeContext() throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(certificates.serverCertificateFile)
        let key = try NIOSSLPrivateKey(file: certificates.serverKeyFile, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        if demandsClientCertificate {
            configuration.trustRoots = .file(certificates.authorityFile)
            configuration.certificateVerification = .noHostnameVerification
        }
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}
