import NIOCore
import NIOPosix
import OCI
import RegistryTestKit
import Testing
import Timekeeping
import Upstream

@testable import UpstreamClient

@Suite(.timeLimit(.minutes(2)))
struct ConnectionTests {
    private static func reason(_ error: UpstreamError?) -> String? {
        guard case .unreachable(let reason) = error else { return nil }
        return reason
    }

    @Test(arguments: ["127.0.0.1", "localhost"])
    func `an upstream's own authority is trusted`(_ host: String) async throws {
        let certificates = try TestCertificates()
        try await Harness.run(
            tls: ServerTLS(certificates), host: host,
            configure: { configuration, _ in configuration.tls.authorityFile = certificates.authorityFile }
        ) { harness async throws in
            let image = harness.registry.addImage(repository: "library/nginx", tag: "latest")
            #expect(try await harness.client.manifestBytes() == image.index.bytes)
        }
    }

    @Test func `an unknown authority is refused at once, and verification is skipped only when told`() async throws {
        let (certificates, others) = (try TestCertificates(), try TestCertificates())
        let untrusted = "TLS: the certificate is not signed by a trusted authority, or has expired"
        for file in [nil, others.authorityFile] {
            try await Harness.run(
                tls: ServerTLS(certificates), configure: { configuration, _ in configuration.tls.authorityFile = file }
            ) { harness in
                #expect(Self.reason(await upstreamError { try await harness.client.manifestBytes() }) == untrusted)
                #expect(harness.pauses.all.isEmpty)
            }
        }
        try await Harness.run(
            tls: ServerTLS(certificates), configure: { configuration, _ in configuration.tls.skipsVerification = true }
        ) { harness in
            harness.registry.addImage(repository: "library/nginx", tag: "latest")
            _ = try await harness.client.manifestBytes()
        }
    }

    @Test func `a certificate for another name is refused`() async throws {
        let certificates = try TestCertificates()
        try await TestRegistry.withRunning(address: "127.0.0.9", tls: ServerTLS(certificates)) { registry in
            try await Harness.run(configure: { configuration, _ in
                configuration.usesTLS = true
                configuration.host = try RegistryHost(registry.authority)
                configuration.tls.authorityFile = certificates.authorityFile
            }) { harness in
                let error = await upstreamError { try await harness.client.manifestBytes() }
                #expect(Self.reason(error) == "TLS: the certificate is for another name")
            }
        }
    }

    @Test func `a client certificate is shown where it is demanded`() async throws {
        let certificates = try TestCertificates()
        let tls = ServerTLS(certificates, demandsClientCertificate: true)
        try await Harness.run(
            tls: tls,
            configure: { configuration, _ in
                configuration.tls = UpstreamClient.TLS(
                    authorityFile: certificates.authorityFile, certificateFile: certificates.clientCertificateFile,
                    keyFile: certificates.clientKeyFile)
            }
        ) { harness in
            harness.registry.addImage(repository: "library/nginx", tag: "latest")
            _ = try await harness.client.manifestBytes()
        }
        try await Harness.run(
            tls: tls,
            configure: { configuration, _ in configuration.tls.authorityFile = certificates.authorityFile }
        ) { harness in
            let error = await upstreamError { try await harness.client.manifestBytes() }
            #expect(Self.reason(error) != nil, "\(String(describing: error))")
        }
    }

    @Test func `a client certificate is not shown to where a redirect leads`() async throws {
        let certificates = try TestCertificates()
        let demanding = ServerTLS(certificates, demandsClientCertificate: true)
        try await TestRegistry.withRunning(address: "127.0.0.2", tls: demanding) { foreign in
            try await Harness.run(
                tls: demanding,
                configure: { configuration, _ in
                    configuration.attempts = 1
                    configuration.tls = UpstreamClient.TLS(
                        authorityFile: certificates.authorityFile, certificateFile: certificates.clientCertificateFile,
                        keyFile: certificates.clientKeyFile)
                }
            ) { harness in
                harness.registry.inject(.redirectSamePath(base: foreign.url))
                #expect(await upstreamError { try await harness.client.manifestBytes() } != nil)
                #expect(harness.registry.requestCount() == 1)
                #expect(foreign.requestCount() == 0)
            }
        }
    }

    @Test func `a file that cannot be used is named`() async throws {
        try await Harness.run(
            tls: ServerTLS(try TestCertificates()),
            configure: { configuration, _ in configuration.tls.authorityFile = "/nonexistent/ca.pem" }
        ) { harness in
            let error = await upstreamError { try await harness.client.manifestBytes() }
            #expect(Self.reason(error) == "the file /nonexistent/ca.pem cannot be used for TLS")
        }
    }

    @Test func `a plain port behind an https rule is named`() async throws {
        try await Harness.run(configure: { configuration, _ in
            configuration.usesTLS = true
            configuration.attempts = 1
        }) { harness in
            let error = await upstreamError { try await harness.client.manifestBytes() }
            #expect(Self.reason(error) == "TLS: the server hung up on the handshake")
        }
    }

    @Test func `an answer in plain text to a handshake is named`() async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                // As nginx and others do: 400 in plain text.
                channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n\r\n"), promise: nil)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = server.localAddress?.port ?? 0
        try await Harness.run(configure: { configuration, _ in
            configuration.usesTLS = true
            configuration.host = try RegistryHost("127.0.0.1:\(port)")
            configuration.attempts = 1
        }) { harness in
            let error = await upstreamError { try await harness.client.manifestBytes() }
            #expect(Self.reason(error) == "TLS: the server does not speak TLS on this port")
        }
        try await server.close()
    }

    @Test func `nothing is contacted before the first request`() async throws {
        try await Harness.run { harness in
            #expect(harness.answers.statuses.isEmpty)
            #expect(harness.registry.connectionCount == 0)
        }
    }

    @Test func `shutting down ends what is under way`() async throws {
        try await TestRegistry.withRunning { registry in
            let blob = TestContent.random(count: 500_000)
            registry.add(blob: blob.bytes, to: "library/nginx")
            let stall = registry.inject(.stallBody(afterBytes: 1000))
            let transport = UpstreamTransport(proxy: ProxySettings(), logger: Harness.logger)
            let client = UpstreamClient(
                configuration: UpstreamClient.Configuration(name: "x", usesTLS: false, host: try registry.host),
                transport: transport, clock: SystemWallClock(), logger: Harness.logger)
            async let error = upstreamError { try await client.wholeBlob(blob.digest) }
            try await stall.waitUntilHolding()
            try await transport.shutdown()
            #expect(await error != nil)
            try await registry.waitForOpenConnections(atMost: 0)
        }
    }

    @Test func `clients that nobody uses are closed when there are many`() async throws {
        try await TestRegistry.withRunning { registry in
            registry.addImage(repository: "library/nginx", tag: "latest")
            let transport = UpstreamTransport(proxy: ProxySettings(), logger: Harness.logger)
            for number in 1...70 {
                // Each limit is a way of connecting of its own.
                let client = UpstreamClient(
                    configuration: UpstreamClient.Configuration(
                        name: "x", usesTLS: false, host: try registry.host, connectTimeout: .seconds(number)),
                    transport: transport, clock: SystemWallClock(), logger: Harness.logger)
                _ = try await client.manifestBytes()
            }
            try await registry.waitForOpenConnections(atMost: 64)
            #expect(registry.openConnectionCount >= 60)
            try await transport.shutdown()
        }
    }

    @Test func `a transport that is dropped closes its connections`() async throws {
        try await TestRegistry.withRunning { registry in
            registry.addImage(repository: "library/nginx", tag: "latest")
            func pull() async throws {
                let client = UpstreamClient(
                    configuration: UpstreamClient.Configuration(name: "x", usesTLS: false, host: try registry.host),
                    transport: UpstreamTransport(proxy: ProxySettings(), logger: Harness.logger),
                    clock: SystemWallClock(), logger: Harness.logger)
                _ = try await client.manifestBytes()
            }
            try await pull()
            try await registry.waitForOpenConnections(atMost: 0)
        }
    }

    @Test func `a client that was shut down says so`() async throws {
        let transport = UpstreamTransport(proxy: ProxySettings(), logger: Harness.logger)
        try await transport.shutdown()
        let client = UpstreamClient(
            configuration: UpstreamClient.Configuration(
                name: "x", usesTLS: false, host: try RegistryHost("127.0.0.1:1")),
            transport: transport, clock: SystemWallClock(), logger: Harness.logger)
        let error = await upstreamError { try await client.manifestBytes() }
        #expect(error == .unreachable(reason: "the client was shut down"))
    }
}
