import AsyncHTTPClient
import ControlServer
import Foundation
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
import Testing

@Suite struct ControlServerTests {
    /// Runs `body` against a server on a socket in a directory of its own, and ends the server.
    func withServer(
        prepare: (String) throws -> Void = { _ in },
        _ body: (_ socket: String, _ service: StubService) async throws -> Void
    ) async throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let socket = "\(directory)/control.sock"
        try prepare(socket)
        let stub = StubService()
        let server = ControlServer(path: socket, service: stub, logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            let service = Part { try await server.run() }
            let services = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                    logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })))
            group.addTask { try await services.run() }
            do {
                try await server.untilListening()
                try await body(socket, stub)
            } catch {
                group.cancelAll()
                throw error
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
        }
        #expect(!FileManager.default.fileExists(atPath: socket), "the socket is removed at the end")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
    }

    private func temporaryDirectory() throws -> String {
        let path = "/tmp/weir-control-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    func exchange(_ socket: String, _ method: String, _ path: String) async throws -> (Int, String, String) {
        let host = socket.replacingOccurrences(of: "/", with: "%2F")
        var request = HTTPClientRequest(url: "http+unix://\(host)\(path)")
        request.method = .init(rawValue: method)
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        let body = String(buffer: try await response.body.collect(upTo: 1 << 20))
        return (Int(response.status.code), response.headers.first(name: "content-type") ?? "", body)
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            ("GET", "/v1/explain?reference=ghcr.io%2Fa%2Fb%3A1", 200, "explain ghcr.io/a/b:1", ""),
            (
                "GET", "/v1/explain?reference=bad", 400, "explain bad",
                #"{"error":{"code":"badRequest","message":"no reference"}}"#
            ),
            (
                "GET", "/v1/explain", 400, "",
                #"{"error":{"code":"badRequest","message":"a reference is wanted, such as docker.io/library/nginx:1.27 ('reference')"}}"#
            ),
            (
                "POST", "/v1/refresh?reference=nginx", 502, "refresh nginx",
                #"{"error":{"code":"upstream","message":"the upstream is gone"}}"#
            ),
            ("GET", "/v1/pins", 200, "pins", #"[{"reference":"1","repository":"a/b","rule":"hub"}]"#),
            ("PUT", "/v1/pins?reference=x", 200, "pin x", #"{"reference":"x","repository":"a/b","rule":"hub"}"#),
            ("DELETE", "/v1/pins?reference=x", 200, "unpin x", #"{"reference":"x","repository":"a/b","rule":"hub"}"#),
            (
                "POST", "/v1/evict?reference=x&dryRun=true", 404, "evict x true",
                #"{"error":{"code":"notFound","message":"not cached"}}"#
            ),
            (
                "POST", "/v1/gc", 200, "collect false",
                #"{"blobCount":1,"freedBytes":2,"images":[],"isDryRun":false,"limitBytes":4,"storedBytesBefore":3}"#
            ),
            (
                "POST", "/v1/gc?dryRun=perhaps", 400, "",
                #"{"error":{"code":"badRequest","message":"the query parameter 'dryRun' is true or false"}}"#
            ),
            (
                "POST", "/v1/reload", 422, "reload",
                #"{"error":{"code":"invalidConfiguration","message":"weir.yaml:1:1: wrong"}}"#
            ),
            (
                "GET", "/v1/nothing", 404, "",
                #"{"error":{"code":"notFound","message":"no such path or method: GET /v1/nothing"}}"#
            ),
            (
                "GET", "/v1/gc", 404, "",
                #"{"error":{"code":"notFound","message":"no such path or method: GET /v1/gc"}}"#
            ),
        ])
    func `each path asks the service and answers in JSON`(
        _ method: String, _ path: String, _ status: Int, _ call: String, _ body: String
    ) async throws {
        try await withServer { socket, service in
            let answer = try await exchange(socket, method, path)
            #expect(answer.0 == status)
            #expect(answer.1 == "application/json")
            if !body.isEmpty { #expect(answer.2 == body) }
            #expect(service.calls.withLock { $0 } == (call.isEmpty ? [] : [call]))
        }
    }

    @Test(.timeLimit(.minutes(1))) func `documents survive the way`() async throws {
        try await withServer { socket, service in
            let (_, _, body) = try await exchange(socket, "GET", "/v1/status")
            let document = try ControlJSON.decode(StatusDocument.self, from: Array(body.utf8))
            let status = try await service.status()
            #expect(document == status)
            let (_, _, text) = try await exchange(socket, "GET", "/v1/explain?reference=nginx")
            let explanation = try ControlJSON.decode(ExplanationDocument.self, from: Array(text.utf8))
            let expected = try await service.explain("nginx")
            #expect(explanation == expected)
            #expect(explanation.freshness == .fresh)
            #expect(explanation.freshnessChangesAt == 77)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `health, readiness and metrics are plain text`() async throws {
        try await withServer { socket, service in
            for path in ["/healthz", "/readyz"] {
                let answer = try await exchange(socket, "GET", path)
                #expect(answer == (200, "text/plain; charset=utf-8", "ok\n"))
            }
            service.unready.withLock { $0 = "the catalogue is gone" }
            let unready = try await exchange(socket, "GET", "/readyz")
            #expect(unready == (503, "text/plain; charset=utf-8", "the catalogue is gone\n"))
            let metrics = try await exchange(socket, "GET", "/metrics")
            #expect(metrics == (200, "text/plain; version=0.0.4; charset=utf-8", "# TYPE a counter\na 1\n"))
        }
    }

    @Test(.timeLimit(.minutes(1))) func `only the owner may connect`() async throws {
        try await withServer { socket, _ in
            let attributes = try FileManager.default.attributesOfItem(atPath: socket)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a socket that a killed process left is replaced`() async throws {
        try await withServer(prepare: leaveStaleSocket) { socket, _ in
            let status = try await exchange(socket, "GET", "/healthz").0
            #expect(status == 200)
        }
    }

    private func leaveStaleSocket(at path: String) throws {
        let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        close(descriptor)
        try #require(result == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `a socket that is answered is refused, and stays`() async throws {
        try await withServer { socket, service in
            let second = ControlServer(path: socket, service: service, logger: Logger(label: "test"))
            await #expect(throws: ControlSocketError.inUse(path: socket)) { try await second.run() }
            let status = try await exchange(socket, "GET", "/healthz").0
            #expect(status == 200)
        }
    }

    @Test func `what is no socket is left alone`() async throws {
        let directory = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = "\(directory)/file"
        try "precious".write(toFile: path, atomically: false, encoding: .utf8)
        let server = ControlServer(path: path, service: StubService(), logger: Logger(label: "test"))
        await #expect(throws: ControlSocketError.notASocket(path: path)) { try await server.run() }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    }

    @Test func `a path that the system cannot hold is refused`() async throws {
        let path = "/tmp/\(String(repeating: "x", count: 100))"
        let server = ControlServer(path: path, service: StubService(), logger: Logger(label: "test"))
        await #expect(throws: ControlSocketError.pathTooLong(path: path)) { try await server.run() }
    }

    @Test func `what is meant for a node is told so`() async throws {
        try await withServer { socket, _ in
            let answer = try await exchange(socket, "GET", "/v1/node/status")
            #expect(answer.0 == 404)
            #expect(answer.2.contains("this is the socket of weir serve; use 'weir status'"), "\(answer.2)")
        }
    }

    @Test func `a directory that is missing is told`() async throws {
        let server = ControlServer(path: "/nonexistent/c.sock", service: StubService(), logger: Logger(label: "test"))
        let expected = ControlSocketError.system(
            path: "/nonexistent", call: "mkdir", errno: ENOENT, setting: "control.socket")
        await #expect(throws: expected) { try await server.run() }
        let node = ControlServer(path: "/nonexistent/n.sock", node: StubNode(), logger: Logger(label: "test"))
        let error = await #expect(throws: ControlSocketError.self) { try await node.run() }
        #expect(error?.description.hasSuffix("as 'node.socket'") == true)
    }
}

/// Something that runs until the group that it is part of is told to end.
private struct Part: Service {
    let body: @Sendable () async throws -> Void

    init(_ body: @escaping @Sendable () async throws -> Void) { self.body = body }

    func run() async throws { try await body() }
}
