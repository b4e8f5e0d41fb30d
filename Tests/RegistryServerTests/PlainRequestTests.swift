import HostileInput
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import RegistryServer

/// The short way through a request's head reads nothing otherwise than the general parser does.
struct PlainRequestTests {
    private static let limitBytes = 32 << 10

    private static func plain(_ text: String, limitBytes: Int = limitBytes) -> PlainRequest? {
        Array(text.utf8).withUnsafeBufferPointer { PlainRequest($0, limitBytes: limitBytes) }
    }

    /// What the general parser makes of `text`, which has to be one whole request for it.
    private static func general(_ text: String) throws -> HTTPRequestHead? {
        let channel = EmbeddedChannel(
            handler: ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
        defer { _ = try? channel.finish() }
        try channel.writeInbound(ByteBuffer(string: text))
        guard case .head(let head)? = try channel.readInbound(as: HTTPServerRequestPart.self),
            case .end(nil)? = try channel.readInbound(as: HTTPServerRequestPart.self),
            try channel.readInbound(as: HTTPServerRequestPart.self) == nil
        else { return nil }
        return head
    }

    @Test(arguments: [
        "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "HEAD /v2/a/manifests/latest HTTP/1.1\r\nHost: a:5000\r\nUser-Agent: containerd/2.0\r\n\r\n",
        "GET /v2/a/b/manifests/sha256:ab?ns=docker.io HTTP/1.1\r\nhOsT:\t a\r\nACCEPT: a/b, */*;q=0.1\r\n\r\n",
        "GET /v2/%61/blobs/x HTTP/1.1\r\nHost:a\r\nRange: bytes=0-9\r\nIf-Range: \"x\"\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nPragma: no-cache\r\nCache-Control: max-age=0\r\nIf-None-Match: \"a\"\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\nRange: bytes=2-3\r\nX-Empty:\r\nAuthorization: Basic x\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nWeir-Client: team-a\r\nHost: a\r\nX-Spegel-Mirrored: true\r\n\r\n",
    ])
    func `an ordinary request is read as the general parser reads it`(_ text: String) throws {
        let request = try #require(Self.plain(text + "GET /next"))
        let head = try #require(try Self.general(text))
        #expect(request.count == text.utf8.count)
        #expect(request.method.name == head.method.rawValue)
        #expect(request.target == head.uri)
        #expect(request.fields == RequestFields(head.headers))
    }

    @Test(arguments: [
        "GET /v2/ HTTP/1.1\r\n\r\n", "GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET /v2/ HTTP/1.0\r\nHost: a\r\n\r\n", "GET /v2/ HTTP/1.1\nHost: a\n\n",
        "GET  /v2/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /v2/ HTTP/1.1\r\nHost: a\r\n\r\n", "get /v2/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/v2/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET /v2/#x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "\r\nGET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost : a\r\n\r\n", "GET /v2/ HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nX: \u{1}\r\n\r\n", "GET /v2/ HTTP/1.1\r\nHost: a\r\nX: é\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "GET /v2/ HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a \r\n\r\n", "GET /v2/ HTTP/1.1\r\nHost: a\r\nX: b\t\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\n", "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r", "GET ", "",
    ])
    func `whatever is out of the ordinary is left to the general parser`(_ text: String) {
        #expect(Self.plain(text) == nil)
    }

    @Test func `every cut of a request is left to the general parser`() {
        let text = "GET /v2/a/manifests/1?ns=b HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"
        for count in 0..<text.utf8.count {
            #expect(Self.plain(String(decoding: text.utf8.prefix(count), as: UTF8.self)) == nil)
        }
        #expect(Self.plain(text) != nil)
    }

    @Test func `a head over a limit is left to the general parser`() {
        let text = "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(Self.plain(text, limitBytes: text.utf8.count) != nil)
        #expect(Self.plain(text, limitBytes: text.utf8.count - 1) == nil)
        let many = String(repeating: "X: a\r\n", count: 100)
        #expect(Self.plain("GET /v2/ HTTP/1.1\r\nHost: a\r\n\(many)\r\n") == nil)
    }

    @Test func `no request is read in two ways`() throws {
        let alphabet = [
            "GET ", "HEAD ", "/v2/", "a/manifests/1", "?ns=x", " HTTP/1.1\r\n", "Host: a", "\r\n", "\r\n", "Accept: ",
            "b",
            "Content-Length: 1", "Transfer-Encoding: chunked", "Connection: close", "Range: bytes=0-1", ":", " ", "\n",
            "User-Agent: c", "Upgrade: d", "\"", "{", "#", "%41",
        ]
        var accepted = 0
        for text in hostileTexts(count: 20_000, alphabet: alphabet, seed: 7) {
            // Mostly near to a request, so that many are one.
            for text in [text, "GET /" + text, "GET /v2/ HTTP/1.1\r\nHost: a\r\n\(text)\r\n\r\n"] {
                guard let request = Self.plain(text) else { continue }
                accepted += 1
                let own = String(decoding: text.utf8.prefix(request.count), as: UTF8.self)
                let head = try #require(try Self.general(own), "\(own.debugDescription)")
                #expect(request.method.name == head.method.rawValue)
                #expect(request.target == head.uri)
                #expect(request.fields == RequestFields(head.headers), "\(own.debugDescription)")
                #expect(head.isKeepAlive && head.version == .http1_1)
                #expect(RequestAdmission(head, fields: request.fields, isHTTP2: false) == .serve)
            }
        }
        #expect(accepted > 1000)
    }
}
