import NIOCore
import OCI
import PullThroughCache
import Testing

@testable import RegistryServer

@Suite(.serialized, .timeLimit(.minutes(1))) struct ProtocolTests {
    private static func head(_ fields: String..., target: String = "/v2/", method: String = "GET") -> String {
        (["\(method) \(target) HTTP/1.1"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test(arguments: [
        "GET /v2/ HTTP/1.1\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nabcde",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /v2/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "POST /v2/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST /v2/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        "POST /v2/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET /v2/ HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nX: b\u{0}c\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
        "NONSENSE /v2/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET v2/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v2/ FTP/1.1\r\nHost: a\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}",
    ])
    func `a malformed or ambiguous request is refused, and the connection closes`(_ request: String) async throws {
        try await RunningServer.with { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send(request)
            let answer = try await connection.answer()
            #expect(answer.status == 400)
            #expect(answer["connection"] == "close")
            #expect(answer.text.hasPrefix(#"{"errors":[{"code":""#))
            try await connection.closed()
            #expect(connection.received.isEmpty)
        }
    }

    @Test(arguments: [
        "GET /v2/ HTTP/3.0\r\nHost: a\r\n\r\n", "GET /v2/\r\n\r\n", "GET /v2/ HTTP/1.1 x\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ])
    func `a version that is not spoken is refused`(_ request: String) async throws {
        try await RunningServer.with { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send(request)
            let answer = try await connection.answer()
            #expect(answer.status == 505 || answer.status == 400)
            try await connection.closed()
        }
    }

    @Test func `a head over the limit is refused with 431, a target with 414`() async throws {
        try await RunningServer.with { server in
            let large = String(repeating: "a", count: 40 << 10)
            let answer1 = try await server.get("/v2/", "X: \(large)")
            #expect(answer1.status == 431)
            let many = Self.head("Host: a", (0..<200).map { "X\($0): b" }.joined(separator: "\r\n"))
            let answer2 = try await server.exchange(many)
            #expect(answer2.status == 431)
            let long = String(repeating: "a", count: 9 << 10)
            let answer = try await server.get("/v2/\(long)/manifests/1")
            #expect(answer.status == 414)
            #expect(answer.text.contains("NAME_INVALID"))
        }
    }

    @Test func `pipelined requests are answered in their order, however long the first takes`() async throws {
        let gate = Gate()
        let content = FakeContent {
            $0.manifestInMemory = { $0.reference.description == "fast" ? Fixture.manifestAnswer() : nil }
            $0.manifest = { _ throws(CacheError) in
                await gate.pass()
                throw .manifestUnknown
            }
        }
        try await RunningServer.with(content) { server in
            let connection = try await RawConnection.connect(to: server)
            let fast = Self.head("Host: a", target: "/v2/a/manifests/fast")
            let slow = Self.head("Host: a", target: "/v2/a/manifests/slow")
            try await connection.send(fast + slow + fast + fast + slow)
            try await until { gate.arrivals == 1 }
            #expect(content.asked.manifests.count == 2)
            gate.open()
            for expected in [200, 404, 200, 200, 404] {
                let answer = try await connection.answer()
                #expect(answer.status == expected)
            }
            try await connection.close()
        }
    }

    @Test func `requests before a malformed one are still answered`() async throws {
        let gate = Gate()
        let content = FakeContent {
            $0.manifest = { _ throws(CacheError) in
                await gate.pass()
                return Fixture.manifestAnswer()
            }
        }
        try await RunningServer.with(content) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send(Self.head("Host: a", target: "/v2/a/manifests/1") + "nonsense\r\n\r\n")
            try await until { gate.arrivals == 1 }
            gate.open()
            let answer3 = try await connection.answer()
            #expect(answer3.status == 200)
            let answer4 = try await connection.answer()
            #expect(answer4.status == 400)
            try await connection.closed()
        }
    }

    @Test func `ten thousand pipelined requests are answered or cut off, and others go on`() async throws {
        try await RunningServer.with(Fixture.content(inMemory: true)) { server in
            let connection = try await RawConnection.connect(to: server)
            let request = Self.head("Host: a", target: "/v2/a/manifests/1")
            try await connection.send(String(repeating: request, count: 10_000))
            for _ in 0..<100 {
                let answer = try await connection.answer()
                #expect(answer.status == 200)
            }
            let answer5 = try await server.get("/v2/")
            #expect(answer5.status == 200)
            try await connection.close()
        }
    }

    @Test(arguments: ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"])
    func `a small body is thrown away and the connection kept`(_ body: String) async throws {
        try await RunningServer.with { server in
            let connection = try await RawConnection.connect(to: server)
            for (method, status) in [("GET", 200), ("PUT", 405), ("PATCH", 405)] {
                try await connection.send("\(method) /v2/ HTTP/1.1\r\nHost: a\r\n" + body)
                let answer = try await connection.answer()
                #expect(answer.status == status)
                #expect(answer["connection"] == nil)
            }
            try await connection.close()
        }
    }

    @Test func `a large body is not waited for`() async throws {
        try await RunningServer.with { server in
            for framing in [
                "Content-Length: 10737418240", "Content-Length: 10\r\nExpect: 100-continue",
                "Transfer-Encoding: chunked\r\nExpect: 100-continue",
            ] {
                let answer = try await server.exchange(
                    "PUT /v2/a/manifests/1 HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
                #expect(answer.status == 405)
                #expect(answer["connection"] == "close")
            }
        }
    }

    @Test func `a client that sends a large body gets its answer, and its end`() async throws {
        try await RunningServer.with { server in
            let connection = try await RawConnection.connect(to: server)
            let body = String(repeating: "a", count: 1 << 20)
            try await connection.send("PUT /v2/a/manifests/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            // The write may fail once the server has closed.
            try? await connection.send("100000\r\n\(body)\r\n0\r\n\r\n")
            let answer6 = try await connection.answer()
            #expect(answer6.status == 405)
            try await connection.closed()
            let get = try await RawConnection.connect(to: server)
            try await get.send(
                "GET /v2/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n\(body)\r\n")
            let answer7 = try await get.answer()
            #expect(answer7.status == 413)
            try await get.closed()
        }
    }

    @Test(arguments: [
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /v2/ HTTP/1.0\r\n\r\n",
        "GET /v2/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n",
    ])
    func `the connection closes after the answer where that was agreed`(_ request: String) async throws {
        try await RunningServer.with { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send(request)
            let answer = try await connection.answer()
            #expect(answer.status == 200)
            #expect(answer["connection"] == "close")
            try await connection.closed()
        }
    }

    @Test func `no proxying`() async throws {
        try await RunningServer.with { server in
            let answer = try await server.exchange("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
            #expect(answer.status == 400 || answer.status == 405)
            #expect(answer["connection"] == "close")
        }
    }
}
