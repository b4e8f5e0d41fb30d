internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization
internal import Timekeeping

/// The connections to one API server. A new HTTP client takes the place of the old when a certificate or an authority
/// has changed; the old one is closed once nothing of it is under way.
final class Transport: Sendable {
    private static let connectTimeout = TimeAmount.seconds(10)
    private static let idleTimeout = TimeAmount.seconds(90)
    private static let connectionLimit = 16
    /// How long a file of authorities is believed unread.
    private static let authorityLifetime = Duration.seconds(60)

    /// What makes a connection another connection.
    private struct Material: Hashable {
        var authorities: [UInt8]?
        var certificate: [UInt8]?
        var key: [UInt8]?
    }

    private struct Entry {
        let client: HTTPClient
        let material: Material
        var useCount = 0
    }

    private struct State {
        var entries: [Entry] = []
        var authorities: (bytes: [UInt8], until: Timestamp)?
        var isShutDown = false
    }

    private let connection: ClusterConnection
    private let clock: any WallClock
    private let state = Mutex(State())

    init(_ connection: ClusterConnection, clock: any WallClock) {
        self.connection = connection
        self.clock = clock
    }

    deinit {
        for entry in state.withLock({ $0.entries }) { entry.client.shutdown { _ in } }
    }

    func shutdown() async {
        let entries = state.withLock { state in
            state.isShutDown = true
            defer { state.entries = [] }
            return state.entries
        }
        for entry in entries { try? await entry.client.shutdown() }
    }

    /// Runs `body` with a client that stays open until it returns.
    func withClient<Value>(
        _ credentials: Credentials, _ body: (HTTPClient) async throws -> Value
    ) async throws -> Value {
        let client = try borrow(credentials)
        defer { giveBack(client) }
        return try await body(client)
    }

    /// The request's URL. A name that the certificate is for takes the host's place; the client is told where that is.
    func url(_ pathAndQuery: String) -> String {
        let server = connection.server
        let host = connection.serverName.map { "\($0):\(server.port)" } ?? server.authority
        return "\(server.usesTLS ? "https" : "http")://\(host)\(server.path)\(pathAndQuery)"
    }

    var authority: String { connection.server.authority }

    // MARK: Clients

    private func borrow(_ credentials: Credentials) throws(KubernetesError) -> HTTPClient {
        let material = Material(
            authorities: try authorities(), certificate: credentials.certificate, key: credentials.key)
        if let client = try use(material, made: nil) { return client }
        let made = try makeClient(material)
        let client: HTTPClient?
        do throws(KubernetesError) { client = try use(material, made: made) } catch {
            made.shutdown { _ in }
            throw error
        }
        // Should two come at once, the second is thrown away.
        if client !== made { made.shutdown { _ in } }
        return client ?? made
    }

    private func use(_ material: Material, made: HTTPClient?) throws(KubernetesError) -> HTTPClient? {
        let (client, old) = try state.withLock { state throws(KubernetesError) -> (HTTPClient?, [HTTPClient]) in
            guard !state.isShutDown else { throw .unreachable(reason: "the client was shut down") }
            if let index = state.entries.firstIndex(where: { $0.material == material }) {
                state.entries[index].useCount += 1
                return (state.entries[index].client, [])
            }
            guard let made else { return (nil, []) }
            let old = state.entries.filter { $0.useCount == 0 }.map(\.client)
            state.entries.removeAll { $0.useCount == 0 }
            state.entries.append(Entry(client: made, material: material, useCount: 1))
            return (made, old)
        }
        for client in old { client.shutdown { _ in } }
        return client
    }

    private func giveBack(_ client: HTTPClient) {
        let idle = state.withLock { state -> HTTPClient? in
            guard let index = state.entries.firstIndex(where: { $0.client === client }) else { return nil }
            state.entries[index].useCount -= 1
            // The last entry is the one in use; others stay until their watches have ended.
            guard state.entries[index].useCount == 0, index < state.entries.count - 1 else { return nil }
            return state.entries.remove(at: index).client
        }
        idle?.shutdown { _ in }
    }

    private func authorities() throws(KubernetesError) -> [UInt8]? {
        switch connection.trust {
        case .system, .nothingVerified: return nil
        case .authorities(.data(let bytes)): return bytes
        case .authorities(.file(let path)):
            let now = clock.now()
            let held = state.withLock { $0.authorities }
            if let held, now < held.until { return held.bytes }
            guard let bytes = BoundedFile.bytes(path) else {
                if let held { return held.bytes }
                throw .credentials(reason: "the certificate authority \(path) cannot be read")
            }
            state.withLock { $0.authorities = (bytes, now + Self.authorityLifetime) }
            return bytes
        }
    }

    private func makeClient(_ material: Material) throws(KubernetesError) -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = try tlsConfiguration(material)
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        // A watch each on a connection of its own: one that stalls holds up nothing else.
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = Self.connectTimeout
        configuration.connectionPool.idleTimeout = Self.idleTimeout
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.connectionLimit
        // What is tried again is decided in one place.
        configuration.connectionPool.retryConnectionEstablishment = false
        if let name = connection.serverName { configuration.dnsOverride = [name: connection.server.host] }
        switch connection.proxy {
        case .http(let host, let port): configuration.proxy = .server(host: host, port: port)
        case .socks5(let host, let port): configuration.proxy = .socksServer(host: host, port: port)
        case nil: break
        }
        return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }

    private func tlsConfiguration(_ material: Material) throws(KubernetesError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let bytes = material.authorities {
            guard let authorities = try? NIOSSLCertificate.fromPEMBytes(bytes), !authorities.isEmpty else {
                throw .credentials(reason: "the certificate authority is no PEM certificate")
            }
            configuration.trustRoots = .certificates(authorities)
        }
        if connection.trust == .nothingVerified { configuration.certificateVerification = .none }
        if let chain = material.certificate, let key = material.key {
            guard let certificates = try? NIOSSLCertificate.fromPEMBytes(chain), !certificates.isEmpty else {
                throw .credentials(reason: "the client certificate is no PEM certificate")
            }
            guard let privateKey = try? NIOSSLPrivateKey(bytes: key, format: .pem) else {
                throw .credentials(reason: "the client key is no PEM key without a passphrase")
            }
            configuration.certificateChain = certificates.map { .certificate($0) }
            configuration.privateKey = .privateKey(privateKey)
        }
        return configuration
    }
}
