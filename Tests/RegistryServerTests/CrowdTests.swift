import Foundation
import NIOCore
import OCI
import PullThroughCache
import Synchronization
import Testing

@testable import RegistryServer

/// Many clients of one blob, not all of whom behave.
@Suite(.serialized, .timeLimit(.minutes(2))) struct CrowdTests {
    private static let request = "GET /v2/a/blobs/\(Fixture.blobDigest) HTTP/1.1\r\nHost: x\r\n\r\n"

    /// Sockets of a server on `port` that are not closed: one for each client that is still served.
    private static func connections(at port: Int) throws -> Int {
        // 127.0.0.1 alone: a client on another address of the loopback may have the same port.
        let local = String(format: "0100007F:%04X", port)
        return try text(ofKernelFile: "/proc/self/net/tcp").split(separator: "\n").dropFirst()
            .count { line in
                let fields = line.split(separator: " ")
                // ESTABLISHED, and CLOSE_WAIT: the client has closed, and the server has not.
                return fields.count > 3 && fields[1] == local && ["01", "08"].contains(fields[3])
            }
    }

    /// Such files give a page at a time, and say that they are empty.
    private static func text(ofKernelFile path: String) throws -> String {
        let descriptor = open(path, O_RDONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var page = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &page, page.count)
            try #require(count >= 0)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += page[..<count]
        }
    }

    /// What a client's way through a blob holds: counted as long as anybody refers to it.
    private final class Held: BlobContent {
        let growing: GrowingContent
        let count: Counter

        init(_ growing: GrowingContent, _ count: Counter) {
            self.growing = growing
            self.count = count
            count.value.withLock { $0 += 1 }
        }

        deinit { count.value.withLock { $0 -= 1 } }

        func piece(at offset: Int64, limit: Int64) async throws -> BlobPiece? {
            try await growing.piece(at: offset, limit: limit)
        }
    }

    private final class Counter: Sendable {
        let value = Mutex(0)
        var now: Int { value.withLock { $0 } }
    }

    @Test func `when half of the clients leave, what was held for them is given back at once`() async throws {
        let bytes = pattern(100_000)
        let growing = GrowingContent()
        let held = Counter()
        let content = FakeContent {
            $0.blobInMemory = { _ in Fixture.blobAnswer(Held(growing, held), size: Int64(bytes.count)) }
        }
        try await RunningServer.with(content) { server in
            var clients: [RawConnection] = []
            for _ in 0..<200 { clients.append(try await RawConnection.connect(to: server)) }
            for client in clients { try await client.send(Self.request) }
            growing.append(Array(bytes[..<50_000]))
            for client in clients { try await client.received(atLeast: 50_000) }
            #expect(held.now == 200)
            let open = try Self.connections(at: server.port)
            #expect(open == 200)
            var generator = SystemRandomNumberGenerator()
            clients.shuffle(using: &generator)
            for client in clients[..<100] { try await client.close() }
            // Nothing else arrives for them: only that they left can have ended their waiting.
            try await until { held.now == 100 && (try? Self.connections(at: server.port)) == 100 }
            #expect(growing.cancellations == 100)
            growing.append(Array(bytes[50_000...]))
            growing.finish()
            for client in clients[100...] {
                let answer = try await client.answer()
                let isSame = answer.body == bytes
                #expect(isSame)
                try await client.close()
            }
            try await until { held.now == 0 }
        }
    }

    @Test func `one client that takes a byte now and then slows no other`() async throws {
        let bytes = pattern(8 << 20)
        let reader = try FileReader(bytes)
        let content = FakeContent {
            $0.blobInMemory = { _ in Fixture.blobAnswer(StoredContent(reader: reader), size: reader.size) }
        }
        try await RunningServer.with(content, configure: { $0.writeTimeout = .seconds(2) }) { server in
            let slow = try await RawConnection.connect(to: server, reads: false, receiveBuffer: 2048)
            try await slow.send(Self.request)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for start in stride(from: 0, to: 50 * 100_000, by: 100_000) {
                    tasks.addTask {
                        let client = try await RawConnection.connect(to: server)
                        try await client.send(
                            // A line's end is one character.
                            Self.request.dropLast() + "Range: bytes=\(start)-\(start + 262_143)\r\n\r\n")
                        let answer = try await client.answer()
                        let isSame = answer.body[...] == bytes[start..<start + 262_144]
                        #expect(answer.status == 206 && isSame)
                        try await client.close()
                    }
                }
                try await tasks.waitForAll()
            }
            // It has what its socket holds, and is served on or given up within its own limit.
            #expect(slow.received.count < bytes.count)
            try await slow.close()
        }
    }
}
