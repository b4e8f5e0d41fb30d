import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import OCI
import RegistryTestKit
import Testing

/// The test registry keeps its own promises; what it is told to do wrong is proven where the client meets it.
@Suite(.timeLimit(.minutes(2)))
struct TestRegistryTests {
    private func get(
        _ url: String, method: HTTPMethod = .GET, headers: HTTPHeaders = [:], client: HTTPClient = .shared
    ) async throws -> (response: HTTPClientResponse, body: ByteBuffer) {
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers = headers
        let response = try await client.execute(request, timeout: .seconds(30))
        return (response, try await response.body.collect(upTo: 1 << 24))
    }

    @Test func `an image is served byte for byte`() async throws {
        try await TestRegistry.withRunning { registry in
            let image = registry.addImage(repository: "library/nginx", tag: "1.27")
            let base = registry.url + "/v2/library/nginx"
            #expect(try await get(base + "/manifests/1.27").body == image.index.bytes)
            for manifest in image.manifests {
                let (response, body) = try await get(base + "/manifests/\(manifest.digest)")
                #expect(body == manifest.bytes)
                #expect(response.headers.first(name: "Docker-Content-Digest") == "\(manifest.digest)")
            }
            for blob in image.blobs { #expect(try await get(base + "/blobs/\(blob.digest)").body == blob.bytes) }
            #expect(try await get(base + "/manifests/none").response.status == .notFound)
            #expect(registry.requestCount(matching: .blobGets) == image.blobs.count)
        }
    }

    @Test func `ranges are cut as asked`() async throws {
        try await TestRegistry.withRunning { registry in
            let digest = registry.add(blob: ByteBuffer(string: "0123456789"), to: "a/b")
            let url = registry.url + "/v2/a/b/blobs/\(digest)"
            let (response, body) = try await get(url, headers: ["Range": "bytes=4-"])
            #expect(String(buffer: body) == "456789")
            #expect(response.headers.first(name: "Content-Range") == "bytes 4-9/10")
            #expect(String(buffer: try await get(url, headers: ["Range": "bytes=4-5"]).body) == "45")
            #expect(try await get(url, headers: ["Range": "bytes=10-"]).response.status == .rangeNotSatisfiable)
        }
    }

    @Test func `eighty clients at once get the right bytes`() async throws {
        try await TestRegistry.withRunning { registry in
            let blob = TestContent.random(count: 300_000)
            registry.add(blob: blob.bytes, to: "a/b")
            let url = registry.url + "/v2/a/b/blobs/\(blob.digest)"
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<80 { group.addTask { try await get(url).body == blob.bytes } }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test func `a registry that is down refuses, and comes back on its port`() async throws {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(configuration: configuration)
        try await TestRegistry.withRunning { registry in
            let url = registry.url + "/v2/"
            #expect(try await get(url, client: client).response.status == .ok)
            await registry.goDown()
            await #expect(throws: (any Error).self) { try await get(url, client: client) }
            try await registry.resume()
            #expect(try await get(url, client: client).response.status == .ok)
        }
        try await client.shutdown()
    }

    @Test func `a stalled body waits for its release`() async throws {
        try await TestRegistry.withRunning { registry in
            let digest = registry.add(blob: TestContent.random(count: 100_000).bytes, to: "a/b")
            let url = registry.url + "/v2/a/b/blobs/\(digest)"
            let stall = registry.inject(.stallBody(afterBytes: 70_000), for: .blobGets.first(1))
            async let body = get(url).body
            try await stall.waitUntilHolding()
            #expect(registry.requests.first?.bodyBytesSent == 70_000)
            stall.release()
            #expect(try await body.readableBytes == 100_000)
        }
    }

    @Test func `tokens are demanded, given and honoured`() async throws {
        try await TestRegistry.withRunning { registry in
            registry.access = .bearer(TokenAuthority())
            registry.addImage(repository: "a/b", tag: "x")
            let url = registry.url + "/v2/a/b/manifests/x"
            let challenge = try await get(url).response.headers.first(name: "WWW-Authenticate")
            #expect(
                challenge
                    == #"Bearer realm="\#(registry.url)/token",service="registry.test",scope="repository:a/b:pull""#)
            let token = try await get(registry.url + "/token?service=registry.test&scope=repository%3Aa%2Fb%3Apull")
            #expect(String(buffer: token.body) == #"{"token":"token-1","expires_in":300}"#)
            #expect(try await get(url, headers: ["Authorization": "Bearer token-1"]).response.status == .ok)
            registry.tokenAuthority?.expireTokens()
            #expect(try await get(url, headers: ["Authorization": "Bearer token-1"]).response.status == .unauthorized)
        }
    }

    @Test func `a TLS registry shows a certificate of its authority`() async throws {
        let certificates = try TestCertificates()
        try await TestRegistry.withRunning(tls: ServerTLS(certificates)) { registry in
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(certificates.authorityFile)
            let client = HTTPClient(configuration: HTTPClient.Configuration(tlsConfiguration: tls))
            let statuses = try? await (
                get(registry.url + "/v2/", client: client).response.status,
                get(registry.url(name: "localhost") + "/v2/", client: client).response.status
            )
            try await client.shutdown()
            #expect(statuses?.0 == .ok)
            #expect(statuses?.1 == .ok)
        }
    }
}
