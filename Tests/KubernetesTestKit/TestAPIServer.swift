package import KubernetesClient
internal import NIOSSL
package import RegistryTestKit

/// An API server that keeps to the conventions of Kubernetes, over real HTTP and TLS, and misbehaves on command.
///
/// Its behaviour follows "Kubernetes API Concepts" and the API conventions: one counter of versions for all kinds, 409 for
/// stale updates, 410 after compaction, chunked watches with bookmarks, continue tokens that expire with their snapshot,
/// `Status` bodies, merge, JSON and apply patches, tokens and client certificates, and rights by verb and name.
package final class TestAPIServer: Sendable {
    /// What was asked.
    package struct Record: Sendable, Hashable {
        package var verb: String
        package var plural: String
        package var namespace: String?
        package var name: String?
        package var user: String
        package var query: [String: String]
        package var contentType: String?
        /// The real server compresses what is large for those who ask for it.
        package var acceptEncoding: String?
        /// 0 while the answer has not begun.
        package var status: Int
    }

    /// Answers that come in place of the right ones.
    package struct Refusal: Sendable {
        package var verb: String?
        package var plural: String?
        package var count: Int
        package var status: APIStatus

        package init(_ status: APIStatus, verb: String? = nil, plural: String? = nil, count: Int = 1) {
            self.status = status
            self.verb = verb
            self.plural = plural
            self.count = count
        }
    }

    struct State: Sendable {
        var store = ObjectStore()
        var tokens: [String: Account] = [:]
        var certificates: [String: Account] = [:]
        var log: [Record] = []
        var refusals: [Refusal] = []
        /// Bytes of one chunk of a watch's stream; nil writes each line as one.
        var chunkBytes: Int?
        var stallsWatches = false
        /// Counts up to have each watch send a bookmark.
        var bookmarks = 0
        /// Watches that are open, by connection.
        var watches: [Int: String] = [:]
        /// Sent once by the next watch, as they are.
        var rawLines: [String] = []
        /// Runs between a request's reading and its doing: for races.
        var interference: (@Sendable (inout ObjectStore) -> Void)?
    }

    package static let kinds: [ResourceKind] = [
        .pods, .nodes, .namespaces, .secrets, .leases, .mutatingWebhookConfigurations, .validatingWebhookConfigurations,
    ]

    package let certificates: TestCertificates?
    let state = Watched(State())
    let listener: TestListener

    private init(listener: TestListener, certificates: TestCertificates?) {
        self.listener = listener
        self.certificates = certificates
    }

    /// - Parameter tls: nil speaks plain HTTP, as `kubectl proxy` does.
    package static func start(
        tls certificates: TestCertificates? = nil, host: String = "127.0.0.1"
    ) async throws -> TestAPIServer {
        let context = try certificates.map { certificates in
            let chain = try NIOSSLCertificate.fromPEMFile(certificates.serverCertificateFile)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(
                    try NIOSSLPrivateKey(file: certificates.serverKeyFile, format: .pem)))
            // A client may show a certificate, and then it must be a good one; or none.
            configuration.trustRoots = .file(certificates.authorityFile)
            configuration.certificateVerification = .optionalVerification
            configuration.applicationProtocols = ["http/1.1"]
            return try NIOSSLContext(configuration: configuration)
        }
        let server = TestAPIServer(
            listener: try TestListener(address: host, context: context), certificates: certificates)
        try await server.resume()
        return server
    }

    /// Runs `body` with a server that lives no longer.
    package static func withRunning<Result>(
        tls certificates: TestCertificates? = nil, host: String = "127.0.0.1",
        _ body: (TestAPIServer) async throws -> Result
    ) async throws -> Result {
        let server = try await start(tls: certificates, host: host)
        do {
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }

    package var port: Int { listener.port }

    package var address: ClusterConnection.Server {
        ClusterConnection.Server(usesTLS: certificates != nil, host: listener.address, port: port)
    }

    /// A connection as the account of `token`, or as nobody.
    package func connection(token: String? = nil, namespace: String = "weir") -> ClusterConnection {
        ClusterConnection(
            server: address, trust: certificates.map { .authorities(.file($0.authorityFile)) } ?? .system,
            proof: token.map { .token($0) } ?? .none, namespace: namespace)
    }

    // MARK: Up and down

    package func goDown() async { await listener.goDown() }
    package func resume() async throws { try await listener.listen { await self.serve($0, id: $1) } }

    /// Ends it.
    package func stop() async { await listener.stop() }
}
