import NIOCore
import OCI
import PullThroughCache
import Rules
import Synchronization
import Testing

@testable import RegistryServer

@Suite(.serialized, .timeLimit(.minutes(1))) struct LimitTests {
    private static let base = "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let blob = "GET /v2/a/blobs/\(Fixture.blobDigest) HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `a connection without a request is closed after the idle time`() async throws {
        try await RunningServer.with(configure: { $0.idleTimeout = .seconds(1) }) { server in
            let silent = try await RawConnection.connect(to: server)
            try await silent.closed()
            #expect(silent.received.isEmpty)
            let idle = try await RawConnection.connect(to: server)
            try await idle.send(Self.base)
            let answer = try await idle.answer()
            #expect(answer.status == 200)
            try await idle.closed()
            #expect(idle.received.isEmpty)
        }
    }

    @Test(arguments: [
        "G", "GET /v2/ HTTP/1.1\r\nHost: a\r\n", "\r\n\r\n",
        "PUT /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
    ])
    func `a request that does not become complete is given up`(_ text: String) async throws {
        try await RunningServer.with(configure: { $0.headerTimeout = .milliseconds(500) }) { server in
            let connection = try await RawConnection.connect(to: server)
            // A whole request before it changes nothing.
            try await connection.send(Self.base)
            let first = try await connection.answer()
            #expect(first.status == 200)
            try await connection.send(text)
            let answer = try await connection.answer()
            #expect(answer.status == 408)
            try await connection.closed()
        }
    }

    @Test func `dripping bytes does not prolong a request's time`() async throws {
        try await RunningServer.with(configure: { $0.headerTimeout = .milliseconds(500) }) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send("GET /v2/ HTTP/1.1\r\nX: ")
            while !connection.isClosed, connection.received.isEmpty {
                try? await connection.send("a")
                try await Task.sleep(for: .milliseconds(1))
            }
            let answer = try await connection.answer()
            #expect(answer.status == 408 || answer.status == 431)
            try await connection.closed()
        }
    }

    @Test func `a client that takes nothing is closed, one that takes a little is not`() async throws {
        let bytes = pattern(32 << 20)
        let slowReader = try FileReader(bytes)
        let stuckReader = Mutex<FileReader?>(try FileReader(bytes))
        weak let watched = stuckReader.withLock { $0 }
        let content = FakeContent {
            $0.blobInMemory = { request in
                guard request.repository.name.description == "library/stuck" else {
                    return Fixture.blobAnswer(StoredContent(reader: slowReader), size: slowReader.size)
                }
                // Given away: it is gone as soon as the server gives the transfer up.
                return stuckReader.withLock { reader in
                    defer { reader = nil }
                    return reader.map { Fixture.blobAnswer(StoredContent(reader: $0), size: $0.size) }
                }
            }
        }
        try await RunningServer.with(content, configure: { $0.writeTimeout = .seconds(3) }) { server in
            let stuck = try await RawConnection.connect(to: server, reads: false, receiveBuffer: 128 << 10)
            let slow = try await RawConnection.connect(to: server, reads: false, receiveBuffer: 128 << 10)
            try await stuck.send("GET /v2/stuck/blobs/\(Fixture.blobDigest) HTTP/1.1\r\nHost: a\r\n\r\n")
            try await slow.send(Self.blob)
            // The slow one reads now and then until the stuck one was given up.
            var next = ContinuousClock.now
            try await until {
                if ContinuousClock.now >= next {
                    slow.channel.read()
                    next = .now + .milliseconds(50)
                }
                return watched == nil
            }
            #expect(slow.received.count < 32 << 20)
            try await stuck.startReading()
            try await stuck.closed()
            let cut = try await stuck.answer()
            #expect(!cut.isComplete)
            try await slow.startReading()
            let answer = try await slow.answer()
            let isSame = answer.body == bytes
            #expect(isSame)
            try await slow.close()
        }
    }

    @Test func `waiting for the cache is not limited by the server's timeouts`() async throws {
        let gate = Gate()
        let content = FakeContent {
            $0.manifest = { _ throws(CacheError) in
                await gate.pass()
                return Fixture.manifestAnswer()
            }
        }
        try await RunningServer.with(
            content,
            configure: {
                $0.idleTimeout = .seconds(1)
                $0.headerTimeout = .seconds(1)
                $0.writeTimeout = .seconds(1)
            }
        ) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send("GET /v2/a/manifests/1 HTTP/1.1\r\nHost: a\r\n\r\n")
            try await until { gate.arrivals == 1 }
            // An idle connection that began later is closed meanwhile, which shows that the time has passed.
            let idle = try await RawConnection.connect(to: server)
            try await idle.closed()
            gate.open()
            let answer = try await connection.answer()
            #expect(answer.status == 200)
            try await connection.closed()
        }
    }

    @Test func `connections over the limit are closed, and room that becomes free is used`() async throws {
        try await RunningServer.with(configure: { $0.connectionLimit = 2 }) { server in
            let first = try await RawConnection.connect(to: server)
            try await first.send(Self.base)
            _ = try await first.answer()
            let second = try await RawConnection.connect(to: server)
            try await second.send(Self.base)
            _ = try await second.answer()
            let third = try await RawConnection.connect(to: server)
            try await third.closed()
            #expect(third.received.isEmpty)
            try await first.close()
            var answer: RawAnswer?
            while answer == nil {
                let next = try await RawConnection.connect(to: server)
                try? await next.send(Self.base)
                answer = try? await next.answer()
                try await next.close()
            }
            #expect(answer?.status == 200)
            try await second.close()
        }
    }
}
