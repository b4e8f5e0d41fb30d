import Logging
import NIOCore
import OCI
import PullThroughCache
import Synchronization
import Testing

@testable import RegistryServer

@Suite(.serialized, .timeLimit(.minutes(1))) struct AccessLogTests {
    private final class Lines: Sendable {
        private let lines = Mutex<[(message: String, metadata: Logger.Metadata)]>([])

        var all: [(message: String, metadata: Logger.Metadata)] { lines.withLock { $0 } }
        var requests: [Logger.Metadata] { all.filter { $0.message == "request" }.map(\.metadata) }
        func append(_ message: String, _ metadata: Logger.Metadata) {
            lines.withLock { $0.append((message, metadata)) }
        }

        func logger(_ level: Logger.Level) -> Logger {
            var logger = Logger(label: "test") { _ in Handler(lines: self) }
            logger.logLevel = level
            return logger
        }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.append("\(event.message)", event.metadata ?? [:]) }
    }

    @Test func `every answer is one line, without what the client keeps secret`() async throws {
        let lines = Lines()
        try await RunningServer.with(Fixture.content(inMemory: true), logger: lines.logger(.trace)) { server in
            _ = try await server.get(
                "/v2/a/manifests/latest?ns=docker.io&token=secret-query", "Authorization: Basic secret-basic",
                "Cookie: secret-cookie", "X-Registry-Auth: secret-auth", "User-Agent: containerd/2\t\u{E9}")
            _ = try await server.get("/v2/a/manifests/latest", "User-Agent: \(String(repeating: "a", count: 1000))")
        }
        let request = try #require(lines.requests.first)
        #expect(lines.requests.count == 2)
        #expect(request["client"] == "127.0.0.1")
        #expect(request["method"] == "GET")
        #expect(request["path"] == "/v2/a/manifests/latest")
        #expect(request["ns"] == "docker.io")
        #expect(request["status"] == "200")
        #expect(request["bytes"] == "\(Fixture.manifest.utf8.count)")
        #expect(request["cache"] == "Weir; hit")
        #expect(request["duration_ms"] != nil)
        #expect(request["user_agent"] == "containerd/2???")
        #expect(lines.requests.last?["user_agent"] == "\(String(repeating: "a", count: 128))")
        #expect(!lines.all.contains { "\($0)".contains("secret") })
    }

    @Test func `control characters of a client reach no log`() async throws {
        let lines = Lines()
        try await RunningServer.with(logger: lines.logger(.trace)) { server in
            _ = try await server.get("/v2/", "User-Agent: a\tb")
            _ = try await server.get("/v2/?ns=%0a")
        }
        #expect(lines.requests.count == 2)
        #expect(lines.requests.first?["user_agent"] == "a?b")
    }

    @Test func `an answer that broke off is told as such`() async throws {
        let lines = Lines()
        let growing = GrowingContent()
        let content = FakeContent { $0.blobInMemory = { _ in Fixture.blobAnswer(growing, size: 2000) } }
        try await RunningServer.with(content, logger: lines.logger(.info)) { server in
            let connection = try await RawConnection.connect(to: server)
            try await connection.send("GET /v2/a/blobs/\(Fixture.blobDigest) HTTP/1.1\r\nHost: a\r\n\r\n")
            growing.append(pattern(1000))
            try await connection.received(atLeast: 1000)
            growing.fail(CacheError.blobUnknown)
            try await connection.closed()
        }
        #expect(lines.requests.first?["complete"] == "false")
        #expect(lines.requests.first?["bytes"] == "1000")
    }

    @Test func `a failure of the cache's storage is told to the log and not to the client`() async throws {
        let lines = Lines()
        let content = FakeContent {
            $0.manifest = { _ throws(CacheError) in throw .storage("/var/lib/weir is gone") }
        }
        try await RunningServer.with(content, logger: lines.logger(.error)) { server in
            let answer = try await server.get("/v2/a/manifests/1")
            #expect(answer.status == 500)
            #expect(!answer.text.contains("/var/lib"))
        }
        #expect(lines.requests.isEmpty)
        #expect(lines.all.contains { "\($0.metadata)".contains("/var/lib/weir") })
    }

    @Test func `no line is written where that is switched off`() async throws {
        let lines = Lines()
        try await RunningServer.with(logger: lines.logger(.trace), configure: { $0.logsAccess = false }) { server in
            _ = try await server.get("/v2/")
        }
        #expect(lines.requests.isEmpty)
    }
}
