import NIOCore
import OCI
import PullThroughCache
import Rules
import Synchronization
import Testing
import Upstream

@testable import RegistryServer

@Suite(.serialized, .timeLimit(.minutes(1))) struct TransferTests {
    private static let target = "/v2/a/blobs/\(Fixture.blobDigest)"
    private static let request = "GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n"

    private static func serving(_ content: any BlobContent, size: Int64?) -> FakeContent {
        FakeContent { $0.blobInMemory = { _ in Fixture.blobAnswer(content, size: size) } }
    }

    @Test(arguments: [true, false])
    func `a large file arrives byte for byte, whole and in part`(_ hasDescriptor: Bool) async throws {
        let bytes = pattern(9_000_001)
        let reader = try FileReader(bytes, showsDescriptor: hasDescriptor)
        let content = Self.serving(StoredContent(reader: reader), size: reader.size)
        try await RunningServer.with(content) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send(Self.request)
            let whole = try await connection.answer()
            #expect(whole.status == 200)
            #expect(whole.body == bytes)
            // The same connection goes on, and the descriptor was not closed by sending from it.
            try await connection.send("GET \(Self.target) HTTP/1.1\r\nHost: x\r\nRange: bytes=2097000-6400000\r\n\r\n")
            let part = try await connection.answer()
            #expect(part.status == 206)
            #expect(part.body == Array(bytes[2_097_000...6_400_000]))
            #expect(reader.isOpen)
            try await connection.close()
        }
    }

    @Test func `a reader lives as long as its bytes are being sent, and no longer`() async throws {
        weak var weakReader: FileReader?
        let blob = pattern(30_000_000)
        let content: FakeContent
        let held: Mutex<FileReader?>
        do {
            let reader = try FileReader(blob)
            weakReader = reader
            held = Mutex(reader)
            content = FakeContent {
                $0.blobInMemory = { _ in
                    // Given away with the first answer: nobody else holds it then.
                    held.withLock { held in
                        defer { held = nil }
                        return held.map { Fixture.blobAnswer(StoredContent(reader: $0), size: $0.size) }
                    }
                }
            }
        }
        try await RunningServer.with(content) { server in
            let connection = try await RawConnection.connect(to: server, reads: false)
            try await connection.send(Self.request)
            try await until { content.asked.blobs.count == 1 }
            try await connection.startReading()
            let answer = try await connection.answer()
            #expect(answer.body == blob)
            try await until { weakReader == nil }
            try await connection.close()
        }
    }

    @Test func `a growing blob is sent as it comes`() async throws {
        let growing = GrowingContent()
        let bytes = pattern(3000)
        try await RunningServer.with(Self.serving(growing, size: 3000)) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send(Self.request)
            growing.append(Array(bytes[..<1000]))
            try await connection.received(atLeast: 1000)
            growing.append(Array(bytes[1000..<2500]))
            try await connection.received(atLeast: 2500)
            growing.append(Array(bytes[2500...]))
            growing.finish()
            let answer = try await connection.answer()
            #expect(answer.body == bytes)
            #expect(answer["content-length"] == "3000")
            try await connection.close()
        }
    }

    @Test func `a blob of unknown size is sent in chunks, and its end is told`() async throws {
        let growing = GrowingContent()
        let bytes = pattern(200_000)
        try await RunningServer.with(Self.serving(growing, size: nil)) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send("GET \(Self.target) HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\n\r\n")
            growing.append(Array(bytes[..<100_000]))
            try await connection.received(atLeast: 100_000)
            growing.append(Array(bytes[100_000...]))
            growing.finish()
            let answer = try await connection.answer()
            #expect(answer.status == 200)
            #expect(answer["transfer-encoding"] == "chunked")
            #expect(answer["content-length"] == nil)
            #expect(answer.isComplete)
            #expect(answer.body == bytes)
            try await connection.close()
        }
    }

    @Test func `HTTP 1.0 is not sent what it could not tell from a broken answer`() async throws {
        let growing = GrowingContent()
        try await RunningServer.with(Self.serving(growing, size: nil)) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send("GET \(Self.target) HTTP/1.0\r\n\r\n")
            let answer = try await connection.answer()
            #expect(answer.status == 505)
            try await connection.closed()
        }
    }

    @Test(arguments: [3000, nil] as [Int64?])
    func `a failure in the middle closes, and never ends the body properly`(_ size: Int64?) async throws {
        let growing = GrowingContent()
        try await RunningServer.with(Self.serving(growing, size: size)) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send(Self.request + Self.request)
            growing.append(pattern(1000))
            try await connection.received(atLeast: 1000)
            growing.fail(CacheError.upstream(.truncated))
            try await connection.closed()
            let answer = try await connection.answer()
            #expect(answer.status == 200)
            #expect(!answer.isComplete)
            #expect(answer.body == pattern(1000))
            #expect(connection.received.isEmpty)
        }
    }

    @Test func `content that ends early or gives other bytes than asked closes the connection`() async throws {
        struct Short: BlobContent {
            func piece(at offset: Int64, limit: Int64) async throws -> BlobPiece? {
                offset == 0 ? .bytes(ByteBuffer(string: "abc")) : nil
            }
        }
        struct Long: BlobContent {
            func piece(at offset: Int64, limit: Int64) async throws -> BlobPiece? {
                .bytes(ByteBuffer(repeating: 1, count: 2000))
            }
        }
        for content in [Short(), Long()] as [any BlobContent] {
            try await RunningServer.with(Self.serving(content, size: 1000)) { server in
                let connection = try await RawConnection.connect(to: server)
                try await connection.send(Self.request)
                try await connection.closed()
                // The head may not have been sent either.
                let answer = RawAnswer.parse(connection.received, isHead: false, isClosed: true)?.0
                #expect(answer?.isComplete != true)
                #expect(answer?.body.count ?? 0 < 1000)
            }
        }
    }

    @Test func `a file that was cut short closes the connection`() async throws {
        let reader = try FileReader(pattern(5_000_000))
        reader.truncate(to: 4_500_000)
        struct Content: BlobContent {
            let reader: FileReader
            func piece(at offset: Int64, limit: Int64) async throws -> BlobPiece? { .stored(reader, offset..<limit) }
        }
        try await RunningServer.with(Self.serving(Content(reader: reader), size: 5_000_000)) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send(Self.request)
            try await connection.closed()
            let answer = try await connection.answer()
            #expect(!answer.isComplete)
            #expect(answer.body.elementsEqual(pattern(5_000_000).prefix(answer.body.count)))
        }
    }

    @Test func `a failure before the first byte is told in an envelope`() async throws {
        let growing = GrowingContent()
        growing.fail(CacheError.upstream(.timedOut))
        try await RunningServer.with(Self.serving(growing, size: 1000)) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send(Self.request + "GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")
            let answer = try await connection.answer()
            #expect(answer.status == 504)
            #expect(answer.text.contains("UNAVAILABLE"))
            #expect(answer["content-type"] == "application/json")
            // Nothing was spoilt, so the connection goes on.
            let next = try await connection.answer()
            #expect(next.status == 200)
            try await connection.close()
        }
    }

    @Test func `a client that leaves cancels its own waiting`() async throws {
        let growing = GrowingContent()
        let gate = Gate()
        let content = FakeContent {
            $0.blobInMemory = { _ in Fixture.blobAnswer(growing, size: 3000) }
            $0.manifest = { _ throws(CacheError) in
                await gate.pass()
                throw .cancelled
            }
        }
        try await RunningServer.with(content) { server in
            let reader = try await RawConnection.connect(to: server)
            try await reader.send(Self.request)
            growing.append(pattern(10))
            try await reader.received(atLeast: 10)
            try await reader.close()
            try await until { growing.cancellations == 1 }

            let waiting = try await RawConnection.connect(to: server)
            try await waiting.send("GET /v2/a/manifests/1 HTTP/1.1\r\nHost: x\r\n\r\n")
            try await until { gate.arrivals == 1 }
            try await waiting.close()
            try await until { gate.cancellations == 1 }
        }
    }

    @Test func `a slow client holds back its own answer only`() async throws {
        let bytes = pattern(64 << 20)
        let reader = try FileReader(bytes)
        let growing = GrowingContent()
        let content = FakeContent {
            $0.blobInMemory = { request in
                request.repository.name.description == "library/slow"
                    ? Fixture.blobAnswer(growing, size: Int64(bytes.count))
                    : Fixture.blobAnswer(StoredContent(reader: reader), size: reader.size)
            }
        }
        try await RunningServer.with(content) { server in
            let slow = try await RawConnection.connect(to: server, reads: false, receiveBuffer: 4096)
            try await slow.send("GET /v2/slow/blobs/\(Fixture.blobDigest) HTTP/1.1\r\nHost: x\r\n\r\n")
            // Pieces of a megabyte, of which only so many are asked for as the socket takes.
            for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
                growing.append(Array(bytes[start..<min(start + 1 << 20, bytes.count)]))
            }
            growing.finish()
            try await until { growing.reads > 0 }
            let fast = try await server.get("/v2/fast/blobs/\(Fixture.blobDigest)")
            #expect(fast.body.count == bytes.count)
            try await slow.startReading()
            let answer = try await slow.answer()
            #expect(answer.body == bytes)
            try await slow.close()
        }
    }

    @Test func `a thousand connections at once get their answers`() async throws {
        let reader = try FileReader(pattern(2000))
        let content = FakeContent {
            $0.blob = { _ throws(CacheError) in Fixture.blobAnswer(StoredContent(reader: reader), size: reader.size) }
            $0.manifestInMemory = { _ in Fixture.manifestAnswer() }
        }
        try await RunningServer.with(content) { server in
            let expected = pattern(2000)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for _ in 0..<1000 {
                    tasks.addTask {
                        let connection = try await RawConnection.connect(to: server)
                        try await connection.send(Self.request + "GET /v2/a/manifests/1 HTTP/1.1\r\nHost: x\r\n\r\n")
                        let blob = try await connection.answer()
                        #expect(blob.body == expected)
                        let manifest = try await connection.answer()
                        #expect(manifest.text == Fixture.manifest)
                        try await connection.close()
                    }
                }
                try await tasks.waitForAll()
            }
        }
    }
}
