import AsyncHTTPClient
import Foundation
import ImageRewriting
import Listening
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import RegistryTestKit
import ServiceLifecycle
import Testing

@testable import AdmissionWebhook

/// Real HTTPS over real sockets.
@Suite(.timeLimit(.minutes(1))) struct ServerTests {
    struct Running {
        let url: String
        let server: AdmissionServer
        let client: HTTPClient
        let shutdown: @Sendable () -> Void

        func send(
            _ path: String, method: String = "POST", _ body: [UInt8]? = nil, headers: [(String, String)] = []
        ) async throws -> (status: UInt, headers: [(name: String, value: String)], body: [UInt8]) {
            var request = HTTPClientRequest(url: "\(url)\(path)")
            request.method = .init(rawValue: method)
            request.headers.add(name: "Content-Type", value: "application/json")
            for (name, value) in headers { request.headers.add(name: name, value: value) }
            if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
            let response = try await client.execute(request, timeout: .seconds(20))
            let bytes = try await response.body.collect(upTo: 1 << 20)
            return (response.status.code, response.headers.map { ($0.name, $0.value) }, Array(bytes.readableBytesView))
        }
    }

    private func withServer(
        _ webhook: TestWebhook? = nil, certificates: TestCertificates? = nil,
        _ certificate: ServedCertificate? = nil, _ change: (inout AdmissionServer.Configuration) -> Void = { _ in },
        _ body: @escaping @Sendable (Running) async throws -> Void
    ) async throws {
        let webhook = try webhook ?? TestWebhook([.weir()])
        let certificates = try certificates ?? TestCertificates()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var configuration = AdmissionServer.Configuration(listen: ["127.0.0.1:0"])
        change(&configuration)
        let files = CertificateFiles(
            certificateFile: certificates.serverCertificateFile, keyFile: certificates.serverKeyFile)
        let server = AdmissionServer(
            configuration: configuration, certificate: certificate ?? .files(files),
            responder: ReviewResponder(mutator: webhook.mutator, validator: webhook.validator, logger: logger),
            operations: ["/healthz": { OperationalAnswer(body: "ok\n") }], logger: logger)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(certificates.authorityFile)
        var clientConfiguration = HTTPClient.Configuration(tlsConfiguration: tls, redirectConfiguration: .disallow)
        clientConfiguration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: clientConfiguration)
        let group = ServiceGroup(
            services: [ServerService(server: server)], logger: logger)
        do {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                let address = try #require(try await server.boundAddresses().first)
                let running = Running(url: "https://\(address)", server: server, client: client) {
                    Task { await group.triggerGracefulShutdown() }
                }
                try await body(running)
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        } catch {
            try? await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    private struct ServerService: Service {
        let server: AdmissionServer

        func run() async throws { try await server.run() }
    }

    @Test(arguments: ["/mutate", "/mutate?timeout=10s", "/webhook-v1-pod?timeout=10s"])
    func `a review is answered with a patch`(_ path: String) async throws {
        try await withServer { running async throws in
            let object = Review.pod(["nginx:1"])
            let answer = try await running.send(path, Review(object: object).bytes)
            #expect(answer.status == 200)
            #expect(answer.headers.contains { $0.name == "Content-Type" && $0.value == "application/json" })
            let result = try Answered(answer.body).applied(to: object)
            #expect("\(result)".contains("weir.corp:5000/docker.io/library/nginx:1"))
        }
    }

    @Test func `many reviews go over one connection, large ones in pieces`() async throws {
        try await withServer { running async throws in
            for count in [1, 500, 2, 900] {
                let object = Review.pod(
                    (0..<count).map { "nginx:\($0)" }, spec: ",\"x\":\"\(String(repeating: "y", count: 300_000))\"")
                let answer = try Answered(try await running.send("/mutate", Review(object: object).bytes).body)
                #expect(try "\(answer.applied(to: object))".contains("weir.corp:5000/docker.io/library/nginx:0"))
            }
        }
    }

    @Test func `policies are asked at their own path`() async throws {
        try await withServer(TestWebhook([.weir()], policy: ImagePolicy(missingDigests: .deny))) {
            running async throws in
            let answer = try Answered(
                try await running.send("/validate", Review(object: Review.pod(["nginx"])).bytes).body)
            #expect(!answer.isAllowed)
            #expect(answer.code == 403)
        }
    }

    @Test(arguments: [
        ("GET", "/mutate", UInt(405)), ("PUT", "/validate", 405), ("POST", "/", 404), ("POST", "/mutate/", 404),
        ("GET", "/healthz", 200), ("HEAD", "/healthz", 200), ("POST", "/healthz", 405), ("GET", "/v2/", 404),
    ])
    func `other requests have other answers`(_ method: String, _ path: String, _ status: UInt) async throws {
        try await withServer { running async throws in
            #expect(try await running.send(path, method: method).status == status)
        }
    }

    @Test(arguments: [
        ("", UInt(400)), ("nonsense", 400), ("{}", 400),
        (#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1","request":{}}"#, 400),
    ])
    func `what is no review is an error, and the connection goes on`(_ body: String, _ status: UInt) async throws {
        try await withServer { running async throws in
            #expect(try await running.send("/mutate", Array(body.utf8)).status == status)
            #expect(try await running.send("/mutate", Review(object: Review.pod(["nginx"])).bytes).status == 200)
        }
    }

    @Test func `a body beyond the limit is refused`() async throws {
        try await withServer(change: { $0.bodyLimitBytes = 1000 }) { running async throws in
            let body = Array(repeating: UInt8(ascii: " "), count: 1001)
            #expect(try await running.send("/mutate", body).status == 413)
            #expect(try await running.send("/mutate", Array(body.dropLast())).status == 400)
        }
    }

    private func withServer(
        change: (inout AdmissionServer.Configuration) -> Void,
        _ body: @escaping @Sendable (Running) async throws -> Void
    ) async throws {
        try await withServer(nil, nil, change, body)
    }

    @Test func `bodies of all connections together are bounded`() async throws {
        try await withServer(change: { $0.bodyMemoryBytes = 100 }) { running async throws in
            #expect(try await running.send("/mutate", Review(object: "{}").bytes).status == 503)
            #expect(try await running.send("/healthz", method: "GET").status == 200)
        }
    }

    @Test func `a request that does not arrive in time ends with its connection`() async throws {
        try await withServer(change: { $0.requestTimeout = .milliseconds(100) }) { running async throws in
            var request = HTTPClientRequest(url: "\(running.url)/mutate")
            request.method = .POST
            let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
            continuation.yield(ByteBuffer(string: "{"))
            request.body = .stream(stream, length: .known(Int64(10)))
            await #expect(throws: (any Error).self) {
                _ = try await running.client.execute(request, timeout: .seconds(20))
            }
            continuation.finish()
        }
    }

    @Test func `a certificate for another name is refused by the client`() async throws {
        let other = try TestCertificates()
        let mine = try TestCertificates()
        let files = CertificateFiles(certificateFile: other.serverCertificateFile, keyFile: other.serverKeyFile)
        try await withServer(nil, certificates: mine, .files(files)) { running async throws in
            await #expect(throws: (any Error).self) {
                _ = try await running.send("/healthz", method: "GET")
            }
        }
    }

    @Test func `a new certificate is shown without a restart, and a broken one changes nothing`() async throws {
        let first = try TestCertificates()
        let second = try TestCertificates()
        let manager = FileManager.default
        let files = CertificateFiles(
            certificateFile: first.directory + "/served.pem", keyFile: first.directory + "/served-key.pem")
        try manager.copyItem(atPath: second.serverCertificateFile, toPath: files.certificateFile)
        try manager.copyItem(atPath: second.serverKeyFile, toPath: files.keyFile)
        try await withServer(
            nil, certificates: first, .files(files), { $0.certificateInterval = .milliseconds(20) }
        ) { running async throws in
            await #expect(throws: (any Error).self) { _ = try await running.send("/healthz", method: "GET") }
            try "nonsense".write(toFile: files.certificateFile, atomically: true, encoding: .utf8)
            #expect(throws: ListeningError.self) { try running.server.reloadCertificate() }
            try manager.removeItem(atPath: files.certificateFile)
            try manager.removeItem(atPath: files.keyFile)
            try manager.copyItem(atPath: first.serverCertificateFile, toPath: files.certificateFile)
            try manager.copyItem(atPath: first.serverKeyFile, toPath: files.keyFile)
            // Seen by the server itself.
            while (try? await running.send("/healthz", method: "GET").status) != 200 { await Task.yield() }
        }
    }

    @Test func `a certificate may come from elsewhere, and change`() async throws {
        struct Provider: CertificateProvider {
            let stream: AsyncStream<CertificateMaterial>

            func certificates() -> AsyncStream<CertificateMaterial> { stream }
        }
        func material(_ certificates: TestCertificates) throws -> CertificateMaterial {
            CertificateMaterial(
                chain: Array(try Data(contentsOf: URL(fileURLWithPath: certificates.serverCertificateFile))),
                key: Array(try Data(contentsOf: URL(fileURLWithPath: certificates.serverKeyFile))), origin: "a test")
        }
        let first = try TestCertificates()
        let second = try TestCertificates()
        let (stream, continuation) = AsyncStream.makeStream(of: CertificateMaterial.self)
        continuation.yield(try material(second))
        let later = try material(first)
        try await withServer(nil, certificates: first, .provider(Provider(stream: stream))) { running async throws in
            await #expect(throws: (any Error).self) { _ = try await running.send("/healthz", method: "GET") }
            continuation.yield(CertificateMaterial(chain: [], key: [], origin: "nowhere"))
            continuation.yield(later)
            while (try? await running.send("/healthz", method: "GET").status) != 200 { await Task.yield() }
        }
    }

    @Test func `without a certificate there is no server`() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let webhook = try TestWebhook([.weir()])
        let server = AdmissionServer(
            configuration: .init(listen: ["127.0.0.1:0"]),
            certificate: .files(CertificateFiles(certificateFile: "/nonexistent", keyFile: "/nonexistent")),
            responder: ReviewResponder(mutator: webhook.mutator, validator: webhook.validator, logger: logger),
            operations: [:], logger: logger)
        await #expect(throws: ListeningError.self) { try await server.run() }
        await #expect(throws: ListeningError.self) { try await server.boundAddresses() }
    }

    @Test func `a review under way is answered before the server ends`() async throws {
        let probe = FakeProbe { _ in .never }
        let webhook = try TestWebhook(
            [.weir(check: UpstreamCheck(platforms: []))], probe: probe, budget: .milliseconds(300))
        try await withServer(webhook) { running async throws in
            async let answer = running.send("/mutate", Review(object: Review.pod(["nginx"])).bytes)
            while probe.questions.isEmpty { await Task.yield() }
            running.shutdown()
            let answered = try await answer
            #expect(answered.status == 200)
            #expect(try Answered(answered.body).warnings.count == 1)
        }
    }

    @Test(arguments: [
        ("/mutate", nil as Duration?), ("/mutate?timeout=10s", .seconds(10)), ("/a?x=1&timeout=1m0s&y", .seconds(60)),
        ("/a?timeout=500ms", .milliseconds(500)), ("/a?timeout=1.5s", .milliseconds(1500)), ("/a?timeout=", nil),
        ("/a?timeout=10", nil), ("/a?timeout=-1s", nil), ("/a?timeout=1y", nil), ("/a?timeout=9999999999999s", nil),
    ])
    func `how long the API server waits is read from the address`(_ uri: String, _ expected: Duration?) {
        #expect(ReviewTarget(uri).timeout == expected)
    }
}
