import Glibc
import Logging
import NIOCore
import OCI
import PullThroughCache
import Rules
import Testing

@testable import Listening
@testable import RegistryServer

@Suite(.serialized, .timeLimit(.minutes(1))) struct ShutdownTests {
    private static let blob = "GET /v2/a/blobs/\(Fixture.blobDigest) HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `a running transfer ends, idle connections close, new ones are refused`() async throws {
        let growing = GrowingContent()
        let gate = Gate()
        let content = FakeContent {
            $0.blobInMemory = { _ in Fixture.blobAnswer(growing, size: 2000) }
            $0.manifest = { _ throws(CacheError) in
                await gate.pass()
                return Fixture.manifestAnswer()
            }
        }
        try await RunningServer.with(content) { server in
            let running = try await RawConnection.connect(to: server)
            try await running.send(Self.blob)
            growing.append(pattern(1000))
            try await running.received(atLeast: 1000)
            let waiting = try await RawConnection.connect(to: server)
            try await waiting.send("GET /v2/a/manifests/1 HTTP/1.1\r\nHost: a\r\n\r\n")
            try await until { gate.arrivals == 1 }
            let idle = try await RawConnection.connect(to: server)
            try await idle.send("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await idle.answer()

            await server.shutDown()
            try await idle.closed()
            await #expect(throws: (any Error).self) { try await RawConnection.connect(to: server) }
            gate.open()
            let manifest = try await waiting.answer()
            #expect(manifest.status == 200)
            #expect(manifest["connection"] == "close")
            try await waiting.closed()
            growing.append(Array(pattern(2000)[1000...]))
            growing.finish()
            let answer = try await running.answer()
            #expect(answer.body == pattern(2000))
            try await running.closed()
        }
    }

    @Test func `an answer that the client has yet to take is sent to its end`() async throws {
        let text = String(repeating: "0123456789abcdef", count: 1 << 20)
        let operations: [String: @Sendable () async -> OperationalAnswer] = [
            "/large": { OperationalAnswer(body: text) }
        ]
        try await RunningServer.with(operations: operations) { server in
            let connection = try await RawConnection.connect(to: server, reads: false, receiveBuffer: 64 << 10)
            try await connection.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
            // Answered means written: the exchange is over, most of its bytes are not sent.
            let other = try await server.get("/large")
            #expect(other.body.count == text.utf8.count)
            await server.shutDown()
            while let late = try? await RawConnection.connect(to: server) { try await late.close() }
            try await connection.startReading()
            let answer = try await connection.answer()
            let isSame = answer.text == text
            #expect(isSame)
            try await connection.closed()
        }
    }

    @Test func `what does not end in time is closed hard`() async throws {
        let growing = GrowingContent()
        let content = FakeContent { $0.blobInMemory = { _ in Fixture.blobAnswer(growing, size: 2000) } }
        try await RunningServer.with(content, configure: { $0.drainTimeout = .milliseconds(200) }) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send(Self.blob)
            growing.append(pattern(1000))
            try await connection.received(atLeast: 1000)
            await server.shutDown()
            try await connection.closed()
            let answer = try await connection.answer()
            #expect(!answer.isComplete)
            try await until { growing.cancellations == 1 }
        }
    }

    @Test func `cancelling the server closes everything at once`() async throws {
        let growing = GrowingContent()
        let server = RegistryServer(
            configuration: .init(listen: ["127.0.0.1:0"]),
            content: FakeContent { $0.blobInMemory = { _ in Fixture.blobAnswer(growing, size: 2000) } },
            rules: { (try? .forTests()) ?? .init([], defaultRule: nil) }, operations: [:],
            logger: .init(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let task = Task { try await server.run() }
        let address = try await server.boundAddresses().first ?? ""
        let running = RunningServer(server: server, address: address)
        let connection = try await RawConnection.connect(to: running)
        try await connection.send(Self.blob)
        growing.append(pattern(1000))
        try await connection.received(atLeast: 1000)
        task.cancel()
        try await connection.closed()
        _ = await task.result
    }

    @Test(arguments: ["127.0.0.1", "nonsense:port", "127.0.0.1:99999", "192.0.2.1:1"])
    func `an address that cannot be listened on is named`(_ address: String) async throws {
        let server = RegistryServer(
            configuration: .init(listen: ["127.0.0.1:0", address]), content: FakeContent(),
            rules: { .init([], defaultRule: nil) }, operations: [:],
            logger: .init(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let error = await #expect(throws: RegistryServerError.self) { try await server.run() }
        guard case .cannotListen(address, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        await #expect(throws: RegistryServerError.self) { try await server.boundAddresses() }
    }

    @Test(arguments: [
        (EADDRINUSE, "another process listens there; stop it, or choose another address as 'node.pages'"),
        (EADDRNOTAVAIL, "this machine has no such address; choose one that it has, or 0.0.0.0, as 'node.pages'"),
        (EACCES, "this user may not use that port; choose one from 1024 on as 'node.pages'"),
        (EMFILE, String(cString: strerror(EMFILE))),
    ])
    func `what the system says to an address is told with what to do`(_ code: CInt, _ reason: String) {
        let error = ListeningError(
            listeningOn: "h:1", setting: "as 'node.pages'", failedWith: IOError(errnoCode: code, reason: "bind(x:)"))
        #expect("\(error)" == "cannot listen on h:1: \(reason)")
    }

    @Test func `a malformed block of addresses is named`() async throws {
        let server = RegistryServer(
            configuration: .init(listen: ["127.0.0.1:0"], refreshAllowedFrom: ["10.0.0.0/99"]), content: FakeContent(),
            rules: { .init([], defaultRule: nil) }, operations: [:],
            logger: .init(label: "test") { _ in SwiftLogNoOpLogHandler() })
        await #expect(throws: RegistryServerError.malformedAddressBlock("10.0.0.0/99")) { try await server.run() }
    }
}
