package import AsyncHTTPClient
internal import FoundationEssentials
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
    private let refusals: TLSRefusals

    /// - Parameters:
    ///   - client: is shut down with this one.
    ///   - tls: where it names no file, the client's own.
    ///   - refusals: what the client's connections are watched by.
    /// - Throws: where a file cannot be used. The client is left to the caller then.
    init(
        _ client: HTTPClient, tls: PeerHTTP.TLS = PeerHTTP.TLS(), refusals: TLSRefusals = TLSRefusals()
    ) throws(PeerTLSError) {
        self.client = client
        self.refusals = refusals
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
            let failure = HTTPFailure(error)
            guard failure == .closed || failure == .broken,
                let refusal = refusals.take(Self.address(of: request.url))
            else { throw failure }
            throw .tls(refusal)
        }
    }

    /// Nil for a name.
    private static func address(of url: String) -> SocketAddress? {
        guard let url = URL(string: url), let host = url.host, let port = url.port else { return nil }
        return try? SocketAddress(ipAddress: host.filter { !"[]".contains($0) }, port: port)
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
