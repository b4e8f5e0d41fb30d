package import AsyncHTTPClient
package import HTTPFailures
package import NIOCore
internal import NIOSSL
internal import Synchronization

/// An HTTP client whose certificates can be read again while it is used: those of a K3s node end after a year, and are
/// replaced long before.
package final class PeerHTTPClient: Sendable {
    private let client: HTTPClient
    private let files: PeerHTTP.TLS
    /// Nil without files of its own.
    private let certificates: Mutex<TLSConfiguration?>

    /// - Parameters:
    ///   - client: is shut down with this one.
    ///   - tls: where it names no file, the client's own.
    /// - Throws: where a file cannot be used. The client is left to the caller then.
    package init(_ client: HTTPClient, tls: PeerHTTP.TLS = PeerHTTP.TLS()) throws(PeerTLSError) {
        self.client = client
        files = tls
        certificates = Mutex(tls.files.isEmpty ? nil : try PeerHTTP.configuration(tls))
    }

    package func execute(
        _ request: HTTPClientRequest, timeout: TimeAmount
    ) async throws(HTTPFailure) -> HTTPClientResponse {
        var request = request
        request.tlsConfiguration = certificates.withLock { $0 }
        do {
            return try await client.execute(request, timeout: timeout)
        } catch {
            throw HTTPFailure(error)
        }
    }

    /// Reads the files again. Connections under way keep what they have, and where a file cannot be used, new ones too.
    package func reloadCertificates() throws(PeerTLSError) {
        guard !files.files.isEmpty else { return }
        let configuration = try PeerHTTP.configuration(files)
        certificates.withLock { $0 = configuration }
    }

    package func shutdown() async throws { try await client.shutdown() }

    /// For where nothing asynchronous can be done; not on an event loop.
    package func syncShutdown() throws { try client.syncShutdown() }
}
