import NIOCore
import NIOHTTP1
import OCI
import PullThroughCache
import Testing

@testable import RegistryServer

/// What a client of HTTP/1.1 gets, to the byte, on connections that go on.
@Suite(.serialized, .timeLimit(.minutes(1))) struct AnswerBytesTests {
    private static func head(_ fields: String..., target: String, method: String = "GET") -> String {
        (["\(method) \(target) HTTP/1.1", "Host: a"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
    }

    private static let manifest = "/v2/a/manifests/latest"

    @Test func `a head is its line, its fields in their order, the date, and an empty line`() throws {
        var fields = AnswerFields(reserving: 2)
        fields.add("A", "1")
        fields.add("Beta", "two words")
        let body = ByteBuffer(string: "body")
        func text(_ status: HTTPResponseStatus, closes: Bool, isChunked: Bool, _ body: ByteBuffer?) -> String {
            let head = ResponseHead(
                status: status, fields: fields, date: "now", closesConnection: closes, isChunked: isChunked)
            let (bytes, rest) = head.bytes(followedBy: body)
            #expect(rest == nil)
            return String(buffer: bytes)
        }
        let start = "HTTP/1.1 200 OK\r\nA: 1\r\nBeta: two words\r\nDate: now\r\n"
        #expect(text(.ok, closes: false, isChunked: false, body) == start + "\r\nbody")
        #expect(text(.ok, closes: false, isChunked: false, nil) == start + "\r\n")
        #expect(text(.ok, closes: true, isChunked: false, body) == start + "Connection: close\r\n\r\nbody")
        #expect(text(.ok, closes: false, isChunked: true, nil) == start + "Transfer-Encoding: chunked\r\n\r\n")
        #expect(
            text(.ok, closes: true, isChunked: true, nil)
                == start + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(text(.notFound, closes: false, isChunked: false, nil).hasPrefix("HTTP/1.1 404 Not Found\r\nA: 1\r\n"))
        let large = ByteBuffer(repeating: 7, count: 100_000)
        let head = ResponseHead(status: .ok, fields: fields, date: "now", closesConnection: false, isChunked: false)
        let (bytes, rest) = head.bytes(followedBy: large)
        #expect(String(buffer: bytes) == start + "\r\n")
        #expect(rest == large)
    }

    @Test(arguments: [1, 1000, 8 << 10, (8 << 10) + 1, 1 << 20])
    func `a manifest of any size comes whole, many times on one connection`(_ count: Int) async throws {
        let bytes = pattern(count)
        let content = FakeContent {
            $0.manifestInMemory = { _ in
                ManifestAnswer(
                    digest: Fixture.digest(of: bytes), mediaType: .ociManifest, size: Int64(count),
                    bytes: ByteBuffer(bytes: bytes), status: .hit)
            }
        }
        try await RunningServer.with(content) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send(String(repeating: Self.head(target: Self.manifest), count: 3))
            for _ in 1...3 {
                let answer = try await connection.answer()
                #expect(answer.body == bytes)
                #expect(answer["content-length"] == "\(count)")
            }
            #expect(connection.received.isEmpty)
            try await connection.close()
        }
    }

    @Test func `what a client has already is not sent again, and the connection goes on`() async throws {
        try await RunningServer.with(Fixture.content(inMemory: true)) { server in
            let connection = try await RawConnection.connect(to: server)
            let tag = "\"\(Fixture.manifestDigest)\""
            let known = Self.head("If-None-Match: W/\(tag)", target: Self.manifest)
            let other = Self.head("If-None-Match: \"x\"", target: Self.manifest)
            try await connection.send(
                known + other + Self.head("If-None-Match: *", target: Self.manifest, method: "HEAD"))
            let first = try await connection.answer()
            #expect(first.status == 304)
            #expect(first["etag"] == tag)
            #expect(first["content-length"] == nil)
            #expect(first["date"] != nil)
            let second = try await connection.answer()
            #expect(second.status == 200)
            #expect(second.text == Fixture.manifest)
            let third = try await connection.answer(isHead: true)
            #expect(third.status == 304)
            #expect(connection.received.isEmpty)
            try await connection.close()
        }
    }

    @Test func `a client that accepts another type gets the manifest as it is`() async throws {
        try await RunningServer.with(Fixture.content(inMemory: true)) { server in
            let answer = try await server.get(
                Self.manifest, "Accept: application/vnd.docker.distribution.manifest.v1+json")
            #expect(answer.status == 200)
            #expect(answer["content-type"] == "application/vnd.oci.image.manifest.v1+json")
        }
    }

    /// Plain, by the general parser, and mixed: which way a request is read is nothing that a client could see.
    @Test(arguments: [
        [head(target: manifest), head("Connection: keep-alive", target: manifest), head(target: manifest)],
        [head("Content-Length: 0", target: manifest), head(target: manifest), head(target: manifest)],
        [
            head(target: manifest), head("Content-Length: 5", target: manifest) + "hello",
            head("Transfer-Encoding: chunked", target: manifest) + "2\r\nab\r\n0\r\n\r\n", head(target: manifest),
        ],
        [head(target: manifest), "\r\n" + head(target: manifest), head(target: "http://a\(manifest)")],
    ])
    func `requests of all kinds follow each other on one connection`(_ requests: [String]) async throws {
        try await RunningServer.with(Fixture.content(inMemory: true)) { server in
            for pieces in [requests, [requests.joined()]] {
                let connection = try await RawConnection.connect(to: server)
                for piece in pieces { try await connection.send(piece) }
                for _ in requests {
                    let answer = try await connection.answer()
                    #expect(answer.status == 200)
                    #expect(answer.text == Fixture.manifest)
                    #expect(answer["connection"] == nil)
                }
                try await connection.close()
            }
        }
    }

    @Test func `a request that comes in pieces is answered, and so are those around it`() async throws {
        try await RunningServer.with(Fixture.content(inMemory: true)) { server in
            let request = Self.head("User-Agent: slow", target: Self.manifest)
            for cut in [1, 4, 20, request.utf8.count - 3, request.utf8.count - 1] {
                let connection = try await RawConnection.connect(to: server)
                // The answer to the first comes while the second is still being sent.
                try await connection.send(request + String(decoding: request.utf8.prefix(cut), as: UTF8.self))
                let first = try await connection.answer()
                #expect(first.text == Fixture.manifest)
                #expect(connection.received.isEmpty)
                try await connection.send(String(decoding: request.utf8.dropFirst(cut), as: UTF8.self) + request)
                for _ in 1...2 {
                    let answer = try await connection.answer()
                    #expect(answer.text == Fixture.manifest)
                }
                try await connection.close()
            }
        }
    }

    @Test(arguments: [
        ("GET \(manifest) HTTP/1.0\r\n\r\n", false), ("HEAD \(manifest) HTTP/1.0\r\nHost: a\r\n\r\n", true),
        (head("Connection: close", target: manifest), false),
        (head("Connection: close", target: manifest, method: "HEAD"), true),
    ])
    func `a last request is answered, what follows it is not, and the connection ends`(
        _ last: String, _ isHead: Bool
    ) async throws {
        let content = Fixture.content(inMemory: true)
        try await RunningServer.with(content) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send(Self.head(target: Self.manifest) + last + Self.head(target: Self.manifest))
            let first = try await connection.answer()
            #expect(first["connection"] == nil)
            let answer = try await connection.answer(isHead: isHead)
            #expect(answer.status == 200)
            #expect(answer["connection"] == "close")
            #expect(answer["content-length"] == "\(Fixture.manifest.utf8.count)")
            try await connection.closed()
            #expect(connection.received.isEmpty)
            #expect(content.asked.manifests.count == 2)
        }
    }

    @Test func `a client's name, and its wish for a fresh answer, are read`() async throws {
        let content = Fixture.content(inMemory: true)
        try await RunningServer.with(content) { server in
            let fields = ["Weir-Client: team-a", "Cache-Control: no-cache", "User-Agent: x"]
            for extra in [[], ["Connection: keep-alive"]] {
                let text = (["GET \(Self.manifest) HTTP/1.1", "Host: a"] + fields + extra).joined(separator: "\r\n")
                _ = try await server.exchange(text + "\r\n\r\n")
            }
            #expect(content.asked.manifests.map(\.client.name) == ["team-a", "team-a"])
            #expect(content.asked.manifests.map(\.requiresRevalidation) == [true, true])
        }
    }

    @Test func `a chunked body of many pieces is followed by the next answer`() async throws {
        let growing = GrowingContent()
        let content = FakeContent {
            $0.blob = { _ throws(CacheError) in Fixture.blobAnswer(growing, size: nil) }
            $0.manifestInMemory = { _ in Fixture.manifestAnswer() }
        }
        try await RunningServer.with(content) { server in
            let connection = try await RawConnection.connect(to: server)
            let target = "/v2/a/blobs/\(Fixture.blobDigest)"
            try await connection.send(Self.head(target: target) + Self.head(target: Self.manifest))
            for start in stride(from: 0, to: 1000, by: 250) {
                growing.append(Array(Fixture.blob[start..<(start + 250)]))
            }
            growing.finish()
            let blob = try await connection.answer()
            #expect(blob["transfer-encoding"] == "chunked")
            #expect(blob.body == Fixture.blob)
            #expect(blob.isComplete)
            let answer = try await connection.answer()
            #expect(answer.text == Fixture.manifest)
            #expect(answer["transfer-encoding"] == nil)
            try await connection.close()
        }
    }
}
