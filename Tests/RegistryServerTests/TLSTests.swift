import AsyncHTTPClient
import Listening
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import OCI
import PullThroughCache
import Rules
import Testing
import Upstream

@testable import RegistryServer

@Suite(.serialized, .timeLimit(.minutes(1))) struct TLSTests {
    /// A client that trusts `certificate`, for the body's duration.
    private static func withClient<Result: Sendable>(
        _ certificate: TestCertificate, http2: Bool = true,
        body: (HTTPClient) async throws -> Result
    ) async throws -> Result {
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = try certificate.clientConfiguration
        configuration.httpVersion = http2 ? .automatic : .http1Only
        configuration.decompression = .disabled
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let result = try await body(client)
            try await client.shutdown()
            return result
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private static func get(
        _ client: HTTPClient, _ server: RunningServer, _ target: String, method: HTTPMethod = .GET,
        fields: [(String, String)] = []
    ) async throws -> (status: UInt, version: HTTPVersion, fields: HTTPHeaders, body: [UInt8]) {
        var request = HTTPClientRequest(url: "https://localhost:\(server.port)\(target)")
        request.method = method
        for (name, value) in fields { request.headers.add(name: name, value: value) }
        let response = try await client.execute(request, timeout: .seconds(30))
        let body = try await response.body.collect(upTo: 256 << 20)
        return (response.status.code, response.version, response.headers, Array(body.readableBytesView))
    }

    @Test(arguments: [true, false])
    func `both versions of HTTP are spoken over TLS, with the same answers`(_ http2: Bool) async throws {
        let certificate = try TestCertificate()
        let content = Fixture.content(inMemory: true)
        try await RunningServer.with(content, configure: { $0.tls = certificate.files }) { server in
            try await Self.withClient(certificate, http2: http2) { client in
                let manifest = try await Self.get(client, server, "/v2/a/manifests/latest?ns=docker.io")
                #expect(manifest.status == 200)
                #expect(manifest.version.major == (http2 ? 2 : 1))
                #expect(String(decoding: manifest.body, as: UTF8.self) == Fixture.manifest)
                #expect(manifest.fields.first(name: "docker-content-digest") == "\(Fixture.manifestDigest)")
                let head = try await Self.get(client, server, "/v2/a/manifests/latest", method: .HEAD)
                #expect(head.fields.first(name: "content-length") == "\(Fixture.manifest.utf8.count)")
                let part = try await Self.get(
                    client, server, "/v2/a/blobs/\(Fixture.blobDigest)", fields: [("Range", "bytes=10-19")])
                #expect(part.status == 206)
                #expect(part.body == Array(Fixture.blob[10..<20]))
                let push = try await Self.get(client, server, "/v2/a/blobs/uploads/", method: .POST)
                #expect(push.status == 405)
                let unknown = try await Self.get(client, server, "/v2/A/manifests/1")
                #expect(unknown.status == 400)
                #expect(content.asked.manifests.first?.client.address == "127.0.0.1")
            }
        }
    }

    @Test(arguments: [true, false])
    func `a large file arrives byte for byte over TLS`(_ http2: Bool) async throws {
        let certificate = try TestCertificate()
        let bytes = pattern(5_000_001)
        let reader = try FileReader(bytes)
        let content = FakeContent {
            $0.blob = { _ throws(CacheError) in Fixture.blobAnswer(StoredContent(reader: reader), size: reader.size) }
        }
        try await RunningServer.with(content, configure: { $0.tls = certificate.files }) { server in
            try await Self.withClient(certificate, http2: http2) { client in
                try await withThrowingTaskGroup(of: [UInt8].self) { tasks in
                    for _ in 0..<8 {
                        tasks.addTask {
                            try await Self.get(client, server, "/v2/a/blobs/\(Fixture.blobDigest)").body
                        }
                    }
                    for try await body in tasks {
                        let isSame = body == bytes
                        #expect(isSame)
                    }
                }
                #expect(reader.isOpen)
            }
        }
    }

    @Test(arguments: [true, false], [3000, nil] as [Int64?])
    func `a failure in the middle is never taken for the end`(_ http2: Bool, _ size: Int64?) async throws {
        let certificate = try TestCertificate()
        let growing = GrowingContent()
        let content = FakeContent { $0.blobInMemory = { _ in Fixture.blobAnswer(growing, size: size) } }
        try await RunningServer.with(content, configure: { $0.tls = certificate.files }) { server in
            try await Self.withClient(certificate, http2: http2) { client in
                growing.append(pattern(1000))
                let request = HTTPClientRequest(
                    url: "https://localhost:\(server.port)/v2/a/blobs/\(Fixture.blobDigest)")
                let response = try await client.execute(request, timeout: .seconds(30))
                #expect(response.status == .ok)
                var iterator = response.body.makeAsyncIterator()
                let first = try await iterator.next()
                #expect(first?.readableBytes == 1000)
                growing.fail(CacheError.upstream(.truncated))
                await #expect(throws: (any Error).self) {
                    while try await iterator.next() != nil {}
                }
                if http2 {
                    // The other streams of the connection are not concerned.
                    let base = try await Self.get(client, server, "/v2/")
                    #expect(base.status == 200)
                }
            }
        }
    }

    @Test func `a client that leaves a stream cancels its own waiting`() async throws {
        let certificate = try TestCertificate()
        let gate = Gate()
        let content = FakeContent {
            $0.manifest = { _ throws(CacheError) in
                await gate.pass()
                throw .cancelled
            }
        }
        try await RunningServer.with(content, configure: { $0.tls = certificate.files }) { server in
            try await Self.withClient(certificate) { client in
                let task = Task { try await Self.get(client, server, "/v2/a/manifests/1").status }
                try await until { gate.arrivals == 1 }
                task.cancel()
                try await until { gate.cancellations == 1 }
                let base = try await Self.get(client, server, "/v2/")
                #expect(base.status == 200)
            }
        }
    }

    @Test func `a reload shows new connections another certificate, and disturbs none`() async throws {
        let certificate = try TestCertificate(commonName: "before.test")
        let growing = GrowingContent()
        let content = FakeContent { $0.blobInMemory = { _ in Fixture.blobAnswer(growing, size: 2000) } }
        try await RunningServer.with(content, configure: { $0.tls = certificate.files }) { server in
            let tls = try NIOSSLContext(configuration: certificate.clientConfiguration)
            let before = try await RawConnection.connect(to: server, tls: tls)
            try await before.send("GET /v2/a/blobs/\(Fixture.blobDigest) HTTP/1.1\r\nHost: a\r\n\r\n")
            growing.append(pattern(1000))
            try await before.received(atLeast: 1000)
            let shownBefore = try await before.peerCommonName()
            #expect(shownBefore.contains("before.test"))

            try certificate.write(commonName: "after.test")
            try server.server.reloadCertificate()
            let after = try await RawConnection.connect(to: server, tls: tls)
            try await after.send("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n")
            let base = try await after.answer()
            #expect(base.status == 200)
            let shownAfter = try await after.peerCommonName()
            #expect(shownAfter.contains("after.test"))
            try await after.close()

            growing.append(Array(pattern(2000)[1000...]))
            growing.finish()
            let answer = try await before.answer()
            #expect(answer.body == pattern(2000))
            try await before.close()

            // What cannot be read leaves the last good certificate in place.
            try certificate.damage(certificate: "nonsense")
            let error = #expect(throws: RegistryServerError.self) { try server.server.reloadCertificate() }
            guard case .cannotReadCertificate(certificate.files.certificateFile, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            let last = try await RawConnection.connect(to: server, tls: tls)
            try await last.send("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n")
            let lastAnswer = try await last.answer()
            #expect(lastAnswer.status == 200)
            try await last.close()
        }
    }

    @Test func `files that are missing, empty or do not belong together are named`() async throws {
        let other = try TestCertificate()
        let cases: [(TestCertificate) throws -> RegistryServer.TLS] = [
            { .init(certificateFile: "/nonexistent/tls.crt", keyFile: $0.files.keyFile) },
            { .init(certificateFile: $0.files.certificateFile, keyFile: "/nonexistent/tls.key") },
            {
                try $0.damage(certificate: "")
                return $0.files
            },
            {
                try $0.damage(key: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
                return $0.files
            },
            { .init(certificateFile: $0.files.certificateFile, keyFile: other.files.keyFile) },
        ]
        for files in cases {
            let certificate = try TestCertificate()
            let server = RegistryServer(
                configuration: .init(listen: ["127.0.0.1:0"], tls: try files(certificate)), content: FakeContent(),
                rules: { .init([], defaultRule: nil) }, operations: [:],
                logger: .init(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let error = await #expect(throws: RegistryServerError.self) { try await server.run() }
            guard case .cannotReadCertificate = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test func `a handshake that does not go on is given up`() async throws {
        let certificate = try TestCertificate()
        try await RunningServer.with(
            configure: {
                $0.tls = certificate.files
                $0.headerTimeout = .milliseconds(200)
            }
        ) { server in
            for text in ["", "\u{16}\u{3}\u{1}\u{0}\u{20}"] {
                let connection = try await RawConnection.connect(to: server)
                // On a busy machine it may have been given up before.
                if !text.isEmpty { try? await connection.send(text) }
                try await connection.closed()
            }
            let plain = try await RawConnection.connect(to: server)
            try await plain.send("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n")
            try await plain.closed()
        }
    }

    @Test func `at shutdown a stream's transfer ends, and the connection with it`() async throws {
        let certificate = try TestCertificate()
        let growing = GrowingContent()
        let content = FakeContent { $0.blobInMemory = { _ in Fixture.blobAnswer(growing, size: 2000) } }
        try await RunningServer.with(content, configure: { $0.tls = certificate.files }) { server in
            try await Self.withClient(certificate) { client in
                let task = Task { try await Self.get(client, server, "/v2/a/blobs/\(Fixture.blobDigest)") }
                growing.append(pattern(1000))
                try await until { growing.reads > 1 }
                await server.shutDown()
                // Once no more connections are taken, those that are there have been told.
                while let other = try? await RawConnection.connect(to: server) { try await other.close() }
                growing.append(Array(pattern(2000)[1000...]))
                growing.finish()
                let answer = try await task.value
                #expect(answer.version.major == 2)
                #expect(answer.body == pattern(2000))
                await #expect(throws: (any Error).self) { try await Self.get(client, server, "/v2/") }
            }
        }
    }
}

extension RawConnection {
    /// Of the certificate that the server showed.
    func peerCommonName() async throws -> String {
        try await channel.eventLoop.submit { [channel] in
            try channel.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self).peerCertificate
                .map { "\($0)" } ?? ""
        }.get()
    }
}
