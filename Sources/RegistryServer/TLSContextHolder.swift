internal import NIOCore
internal import NIOHTTP2
internal import NIOSSL
internal import Synchronization

/// The certificate that new connections are shown. Connections keep the one that they began with.
final class TLSContextHolder: Sendable {
    private let files: RegistryServer.TLS
    private let context: Mutex<NIOSSLContext>

    init(_ files: RegistryServer.TLS) throws(RegistryServerError) {
        self.files = files
        context = Mutex(try Self.load(files))
    }

    /// What was there before stays where the files cannot be read.
    func reload() throws(RegistryServerError) {
        let fresh = try Self.load(files)
        context.withLock { $0 = fresh }
    }

    func makeHandler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: context.withLock { $0 }) }

    private static func load(_ files: RegistryServer.TLS) throws(RegistryServerError) -> NIOSSLContext {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(files.certificateFile)
        } catch {
            throw .cannotReadCertificate(file: files.certificateFile, reason: reason(error))
        }
        guard !chain.isEmpty else {
            throw .cannotReadCertificate(file: files.certificateFile, reason: "it holds no certificate in PEM form")
        }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(file: files.keyFile, format: .pem)
        } catch {
            throw .cannotReadCertificate(file: files.keyFile, reason: reason(error))
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = NIOHTTP2SupportedALPNProtocols
        if let file = files.clientAuthorityFile {
            let authorities: [NIOSSLCertificate]
            do {
                authorities = try NIOSSLCertificate.fromPEMFile(file)
            } catch {
                throw .cannotReadCertificate(file: file, reason: reason(error))
            }
            guard !authorities.isEmpty else {
                throw .cannotReadCertificate(file: file, reason: "it holds no certificate in PEM form")
            }
            configuration.trustRoots = .certificates(authorities)
            // There are no names of clients that could be compared.
            configuration.certificateVerification = .noHostnameVerification
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .cannotReadCertificate(
                file: files.keyFile, reason: "it does not belong to \(files.certificateFile) (\(error))")
        }
    }

    private static func reason(_ error: any Error) -> String {
        if let error = error as? IOError, error.errnoCode == 2 { return "there is no such file" }
        return "it holds nothing that can be used in PEM form, or cannot be opened (\(error))"
    }
}
