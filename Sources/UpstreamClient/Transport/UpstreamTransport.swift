internal import AsyncHTTPClient
package import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// The connections to all upstreams: one HTTP client for each way of connecting.
///
/// Clients are made when first needed; nothing is contacted, opened or read before. Connections are HTTP/1.1 even where
/// HTTP/2 is offered: blobs are large and few, and each on a connection of its own has a whole TCP window and no
/// neighbour in front of it, while manifests are too small for the protocol to matter.
package final class UpstreamTransport: Sendable {
    /// Connections to one host at a time. More than any number of fills that a rule allows: who may ask how much is
    /// the cache's decision, and a request that waits for a connection here would only time out.
    private static let connectionsPerHost = 256
    /// Grows for bodies: what is handed on in larger pieces costs less.
    private static let receiveBuffers = AdaptiveRecvByteBufferAllocator(
        minimum: 1024, initial: 8 << 10, maximum: 256 << 10)
    /// How long a connection is kept for the next request.
    private static let idleTimeout = TimeAmount.seconds(60)
    /// Clients kept; beyond it those without a request under way are closed, oldest use first.
    private static let clientLimit = 64

    struct ClientKey: Hashable, Sendable {
        var tls: UpstreamClient.TLS
        /// Whether the rule's own host is meant: it alone is shown the client certificate, and the rule's authorities
        /// take the place of the system's there, while elsewhere they add to them.
        var isOwnHost: Bool
        var proxy: ProxyAddress?
        var connectTimeout: Duration
        /// Networks that its connections may lead to.
        var allowed: AddressClass
        /// The address of this machine to leave by; nil: whichever the system takes.
        var localAddress: String?
    }

    private struct Entry {
        let client: HTTPClient
        var requestCount = 0
        var lastUse: UInt64
    }

    private struct State {
        var entries: [ClientKey: Entry] = [:]
        var useCount: UInt64 = 0
        var isShutDown = false
    }

    let proxy: ProxySettings
    let resolver: any HostResolver
    private let logger: Logger
    private let state = Mutex(State())

    package convenience init(proxy: ProxySettings, logger: Logger) {
        self.init(proxy: proxy, resolver: SystemHostResolver(), logger: logger)
    }

    /// - Parameter resolver: asked before a redirect to another host is followed.
    package init(proxy: ProxySettings, resolver: any HostResolver, logger: Logger) {
        self.proxy = proxy
        self.resolver = resolver
        self.logger = logger
    }

    /// Closes every connection; requests under way fail.
    package func shutdown() async throws {
        for client in close() { try await client.shutdown() }
    }

    deinit {
        // A client that is dropped open is a programming error to its library; one that nobody uses is none to us.
        for client in close() { client.shutdown { _ in } }
    }

    private func close() -> [HTTPClient] {
        state.withLock { state in
            state.isShutDown = true
            defer { state.entries = [:] }
            return state.entries.values.map(\.client)
        }
    }

    /// Sends a request; its answer's head comes with ``Exchange/head()``.
    func start(
        _ request: HTTPClient.Request, by key: ClientKey, answerTimeout: Duration, stallTimeout: Duration
    ) throws -> Exchange {
        let client = try borrow(key)
        let exchange = Exchange(answerTimeout: answerTimeout, stallTimeout: stallTimeout) { [weak self] in
            self?.giveBack(key)
        }
        exchange.start(request, with: client)
        return exchange
    }

    private func borrow(_ key: ClientKey) throws -> HTTPClient {
        if let client = try use(key, making: nil) { return client }
        // Made outside of the lock: reading PEM files takes time. Should two come at once, the second is thrown away.
        let made = try Self.makeClient(key)
        do {
            guard let client = try use(key, making: made) else { throw ShutDown() }
            if client !== made { made.shutdown { _ in } }
            return client
        } catch {
            made.shutdown { _ in }
            throw error
        }
    }

    private func use(_ key: ClientKey, making made: HTTPClient?) throws -> HTTPClient? {
        let (client, evicted) = try state.withLock { state throws(ShutDown) in
            guard !state.isShutDown else { throw ShutDown() }
            state.useCount += 1
            if state.entries[key] == nil, let made { state.entries[key] = Entry(client: made, lastUse: 0) }
            state.entries[key]?.lastUse = state.useCount
            state.entries[key]?.requestCount += 1
            return (state.entries[key]?.client, Self.evict(&state))
        }
        evicted?.shutdown { _ in }
        return client
    }

    private static func evict(_ state: inout State) -> HTTPClient? {
        guard state.entries.count > clientLimit else { return nil }
        let idle = state.entries.filter { $0.value.requestCount == 0 }.min { $0.value.lastUse < $1.value.lastUse }
        return idle.flatMap { state.entries.removeValue(forKey: $0.key) }?.client
    }

    private func giveBack(_ key: ClientKey) {
        state.withLock { $0.entries[key]?.requestCount -= 1 }
    }

    private static func makeClient(_ key: ClientKey) throws -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = try tlsConfiguration(key.tls, isOwnHost: key.isOwnHost)
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.httpVersion = .http1Only
        configuration.localAddress = key.localAddress
        configuration.timeout.connect = TimeAmount(key.connectTimeout)
        configuration.connectionPool.idleTimeout = idleTimeout
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connectionsPerHost
        // What is tried again, and when, is decided in one place: ``RetryPolicy``.
        configuration.connectionPool.retryConnectionEstablishment = false
        if let proxy = key.proxy {
            configuration.proxy = .server(
                host: proxy.host, port: proxy.port,
                authorization: proxy.username.map { .basic(username: $0, password: proxy.password ?? "") })
        }
        let allowed = key.proxy == nil ? key.allowed : .everything
        configuration.http1_1ConnectionDebugInitializer = { channel in
            channel.setOption(.recvAllocator, value: Self.receiveBuffers).flatMap {
                allowed == .everything
                    ? channel.eventLoop.makeSucceededVoidFuture() : Self.check(channel, allowed: allowed)
            }
        }
        return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }

    /// Closes a connection that leads to a network it must not lead to, before anything is sent on it.
    ///
    /// The name was resolved and judged already; this looks at where the connection really went, so that a name which
    /// resolves to something else the second time (DNS rebinding) gains nothing.
    private static func check(_ channel: any Channel, allowed: AddressClass) -> EventLoopFuture<Void> {
        let actual = channel.remoteAddress.map(AddressClass.of) ?? .unspecified
        if actual.isSubset(of: allowed) { return channel.eventLoop.makeSucceededVoidFuture() }
        channel.close(promise: nil)
        return channel.eventLoop.makeFailedFuture(ForbiddenNetwork(network: actual))
    }

    private static func tlsConfiguration(_ tls: UpstreamClient.TLS, isOwnHost: Bool) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let file = tls.authorityFile {
            // Read here rather than by the library, so that a file that cannot be used is named.
            let authorities = try tlsFile(file) { try NIOSSLCertificate.fromPEMFile(file) }
            if isOwnHost {
                configuration.trustRoots = .certificates(authorities)
            } else {
                configuration.additionalTrustRoots = [.certificates(authorities)]
            }
        }
        if isOwnHost, let file = tls.certificateFile {
            let chain = try tlsFile(file) { try NIOSSLCertificate.fromPEMFile(file) }
            let keyFile = tls.keyFile ?? file
            let key = try tlsFile(keyFile) { try NIOSSLPrivateKey(file: keyFile, format: .pem) }
            configuration.certificateChain = chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(key)
        }
        if tls.skipsVerification { configuration.certificateVerification = .none }
        return configuration
    }

    private static func tlsFile<Content>(_ path: String, read: () throws -> Content) throws -> Content {
        do { return try read() } catch { throw UnusableFile(path: path) }
    }

    struct ShutDown: Error {}
    struct ForbiddenNetwork: Error { let network: AddressClass }
    struct UnusableFile: Error { let path: String }
}
