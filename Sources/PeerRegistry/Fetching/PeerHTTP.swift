internal import AsyncHTTPClient
internal import NIOCore
internal import NIOSSL

/// The HTTP clients of a node.
package enum PeerHTTP {
    /// Certificates between nodes, as K3s requires them: PEM files.
    package struct TLS: Sendable, Hashable {
        /// Whoever signs the certificates of the others; nil trusts what the system trusts.
        package var authorityFile: String?
        package var certificateFile: String?
        package var keyFile: String?

        package init(authorityFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil) {
            self.authorityFile = authorityFile
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }

        package var files: [String] { [authorityFile, certificateFile, keyFile].compactMap { $0 } }
    }

    /// A client that follows no redirects, changes no bytes and uses no proxy.
    /// - Parameters:
    ///   - connect: for a connection.
    ///   - stall: for the next bytes of an answer.
    /// - Throws: where a file cannot be used.
    package static func client(
        connect: Duration, stall: Duration, tls: TLS = TLS()
    ) throws(PeerTLSError) -> PeerHTTPClient {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout = .init(
            connect: TimeAmount(connect), read: TimeAmount(stall))
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 32
        // Whoever asks knows whom to ask next; and of attempts that go on until the time is over no reason is told.
        configuration.connectionPool.retryConnectionEstablishment = false
        // Blobs one at a time on a connection: TCP's window grows with the way, that of HTTP/2 here stays at 64 KiB.
        configuration.httpVersion = .http1Only
        let refusals = TLSRefusals()
        configuration.http1_1ConnectionDebugInitializer = { refusals.watch($0) }
        // Here too, so that a file that cannot be used is found before there is a client to be shut down.
        configuration.tlsConfiguration = try self.configuration(tls)
        return try PeerHTTPClient(
            HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration), tls: tls, refusals: refusals)
    }

    static func configuration(_ tls: TLS) throws(PeerTLSError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let file = tls.authorityFile {
            guard let list = try? NIOSSLCertificate.fromPEMFile(file), !list.isEmpty else {
                throw PeerTLSError(file: file, what: "certificate")
            }
            configuration.trustRoots = .certificates(list)
        }
        if let file = tls.certificateFile {
            guard let list = try? NIOSSLCertificate.fromPEMFile(file), !list.isEmpty else {
                throw PeerTLSError(file: file, what: "certificate")
            }
            configuration.certificateChain = list.map { .certificate($0) }
        }
        if let file = tls.keyFile {
            guard let key = try? NIOSSLPrivateKey(file: file, format: .pem) else {
                throw PeerTLSError(file: file, what: "private key")
            }
            configuration.privateKey = .privateKey(key)
        }
        return configuration
    }
}

package struct PeerTLSError: Error, Hashable, CustomStringConvertible {
    package let file: String
    package let what: String

    package var description: String { "\(file) holds no \(what) in PEM form, or cannot be read" }
}
