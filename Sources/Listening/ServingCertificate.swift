internal import NIOCore
package import NIOSSL
internal import Synchronization

/// PEM files with a certificate chain and its key; read at start and at every reload.
package struct CertificateFiles: Sendable, Hashable {
    package var certificateFile: String
    package var keyFile: String
    /// Whoever signs the certificates that clients must show; nil asks for none.
    package var clientAuthorityFile: String?

    package init(certificateFile: String, keyFile: String, clientAuthorityFile: String? = nil) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.clientAuthorityFile = clientAuthorityFile
    }

    package var files: [String] { [certificateFile, keyFile, clientAuthorityFile].compactMap { $0 } }
}

/// A certificate chain, leaf first, and its key, both in PEM form. Never printed.
package struct CertificateMaterial: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    package var chain: [UInt8]
    package var key: [UInt8]
    /// Where it came from, for messages: "the secret weir/weir-webhook-tls".
    package var origin: String

    package init(chain: [UInt8], key: [UInt8], origin: String) {
        self.chain = chain
        self.key = key
        self.origin = origin
    }

    package var description: String { origin }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// The certificate that new connections are shown. Connections keep the one that they began with.
package final class ServingCertificate: Sendable {
    private let files: CertificateFiles?
    private let protocols: [String]
    private let served: Mutex<Served>

    private struct Served: Sendable {
        var context: NIOSSLContext
        var expiry: Int64
    }

    /// - Parameter protocols: what is offered to clients (ALPN), best first.
    package init(_ files: CertificateFiles, protocols: [String]) throws(ListeningError) {
        self.files = files
        self.protocols = protocols
        served = Mutex(try Self.load(files, protocols))
    }

    /// For a certificate that is in no file; ``replace(with:)`` puts another in its place.
    package init(_ material: CertificateMaterial, protocols: [String]) throws(ListeningError) {
        files = nil
        self.protocols = protocols
        served = Mutex(try Self.load(material, protocols))
    }

    /// Reads the files again. What was there before stays where they cannot be read.
    package func reload() throws(ListeningError) {
        guard let files else { return }
        let fresh = try Self.load(files, protocols)
        served.withLock { $0 = fresh }
    }

    /// What was there before stays where `material` cannot be used.
    package func replace(with material: CertificateMaterial) throws(ListeningError) {
        let fresh = try Self.load(material, protocols)
        served.withLock { $0 = fresh }
    }

    package func makeHandler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: served.withLock { $0.context }) }

    /// When the certificate that is shown now ends, in seconds since 1970.
    package var expiry: Int64 { served.withLock { $0.expiry } }

    private static func load(_ files: CertificateFiles, _ protocols: [String]) throws(ListeningError) -> Served {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(files.certificateFile)
        } catch {
            throw .cannotReadCertificate(file: files.certificateFile, reason: reason(error))
        }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(file: files.keyFile, format: .pem)
        } catch {
            throw .cannotReadCertificate(file: files.keyFile, reason: reason(error))
        }
        var clientAuthorities: [NIOSSLCertificate]?
        if let file = files.clientAuthorityFile { clientAuthorities = try authorities(in: file) }
        return try context(
            chain, key, protocols, clientAuthorities: clientAuthorities, from: (files.certificateFile, files.keyFile))
    }

    private static func load(
        _ material: CertificateMaterial, _ protocols: [String]
    ) throws(ListeningError) -> Served {
        do {
            let chain = try NIOSSLCertificate.fromPEMBytes(material.chain)
            let key = try NIOSSLPrivateKey(bytes: material.key, format: .pem)
            return try context(chain, key, protocols, from: (material.origin, material.origin))
        } catch let error as ListeningError {
            throw error
        } catch {
            throw .cannotReadCertificate(file: material.origin, reason: reason(error))
        }
    }

    private static func authorities(in file: String) throws(ListeningError) -> [NIOSSLCertificate] {
        let authorities: [NIOSSLCertificate]
        do {
            authorities = try NIOSSLCertificate.fromPEMFile(file)
        } catch {
            throw .cannotReadCertificate(file: file, reason: reason(error))
        }
        guard !authorities.isEmpty else {
            throw .cannotReadCertificate(file: file, reason: "it holds no certificate in PEM form")
        }
        return authorities
    }

    private static func context(
        _ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey, _ protocols: [String],
        clientAuthorities: [NIOSSLCertificate]? = nil, from names: (certificate: String, key: String)
    ) throws(ListeningError) -> Served {
        guard let leaf = chain.first else {
            throw .cannotReadCertificate(file: names.certificate, reason: "it holds no certificate in PEM form")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = protocols
        if let clientAuthorities {
            configuration.trustRoots = .certificates(clientAuthorities)
            // There are no names of clients that could be compared.
            configuration.certificateVerification = .noHostnameVerification
        }
        do {
            return Served(
                context: try NIOSSLContext(configuration: configuration), expiry: Int64(leaf.notValidAfter))
        } catch {
            throw .cannotReadCertificate(
                file: names.key, reason: "it does not belong to \(names.certificate) (\(error))")
        }
    }

    private static func reason(_ error: any Error) -> String {
        if let error = error as? IOError, error.errnoCode == 2 { return "there is no such file" }
        return "it holds nothing that can be used in PEM form, or cannot be opened (\(error))"
    }
}
