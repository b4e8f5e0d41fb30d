internal import NIOCore
package import OCI

/// A registry in this process that can be told to do everything wrong.
///
/// ```swift
/// try await TestRegistry.withRunning { registry in
///     let image = registry.addImage(repository: "library/nginx", tag: "1.27", layerSizes: [100_000])
///     let stall = registry.inject(.stallBody(afterBytes: 1000), for: .blobGets.of(image.blobs[1].digest))
///     async let pull = client.pull(registry.host, "library/nginx:1.27")
///     try await stall.waitUntilHolding()
///     stall.release()
///     try await pull
///     #expect(registry.requests(matching: .blobGets).count == 2)
/// }
/// ```
///
/// Speaks HTTP/1.1 on one address of the loopback network and a port of the system's choice, by TLS where it is given
/// certificates. Everything may be changed while it runs, from any task.
package final class TestRegistry: Sendable {
    struct Repository: Sendable {
        var manifests: [Digest: TestContent] = [:]
        var tags: [String: Digest] = [:]
        var blobs: [Digest: ByteBuffer] = [:]
        /// Descriptors, as JSON, of what refers to a manifest; with the artifact type.
        var referrers: [Digest: [(artifactType: String, descriptor: String)]] = [:]
    }

    struct State: Sendable {
        var repositories: [String: Repository] = [:]
        var access = Access.open
        var tokenAuthority: TokenAuthority?
        var rateLimit: RateLimit?
        var hub: SimulatedHub?
        var supportsReferrers = true
        var faults: [InjectedFault] = []
        /// Every request; those before `forgottenCount` are no longer shown.
        var log: [RequestRecord] = []
        var forgottenCount = 0
    }

    package let tls: ServerTLS?
    let state = Watched(State())
    let listener: TestListener

    private init(listener: TestListener, tls: ServerTLS?) {
        self.listener = listener
        self.tls = tls
    }

    /// Binds and listens; end it with ``stop()``.
    package static func start(address: String = "127.0.0.1", tls: ServerTLS? = nil) async throws -> TestRegistry {
        let listener = try TestListener(address: address, context: try tls.map { try $0.makeContext() })
        let registry = TestRegistry(listener: listener, tls: tls)
        try await registry.resume()
        return registry
    }

    /// Runs `body` with a registry that lives no longer.
    package static func withRunning<Result>(
        address: String = "127.0.0.1", tls: ServerTLS? = nil, _ body: (TestRegistry) async throws -> Result
    ) async throws -> Result {
        let registry = try await start(address: address, tls: tls)
        do {
            let result = try await body(registry)
            await registry.stop()
            return result
        } catch {
            await registry.stop()
            throw error
        }
    }

    /// An address of the loopback network: `127.0.0.1`, or another of `127.0.0.0/8` for a second host.
    package var address: String { listener.address }
    package var port: Int { listener.port }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    package var url: String { url(name: address) }

    /// The address by another name that resolves to it, such as `localhost`.
    package func url(name: String) -> String { "\(tls == nil ? "http" : "https")://\(name):\(port)" }

    /// `127.0.0.1:PORT`
    package var authority: String { "\(address):\(port)" }

    /// The host for references and configurations.
    package var host: RegistryHost {
        get throws { try RegistryHost(authority) }
    }

    // MARK: Up and down

    /// Closes the port and every connection: the host refuses connections until ``resume()``. Nobody else gets the
    /// port in between.
    package func goDown() async { await listener.goDown() }

    /// Listens again, on the same port.
    package func resume() async throws { try await listener.listen { await self.serve($0, id: $1) } }

    /// Ends it. Whatever a fault still holds up is dropped.
    package func stop() async { await listener.stop() }
}
