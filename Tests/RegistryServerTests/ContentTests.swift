import NIOCore
import OCI
import PullThroughCache
import Testing

@testable import RegistryServer

@Suite(.serialized, .timeLimit(.minutes(1))) struct ContentTests {
    @Test(arguments: [true, false])
    func `a manifest is served with everything that clients look at`(_ inMemory: Bool) async throws {
        try await RunningServer.with(Fixture.content(inMemory: inMemory)) { server in
            let answer = try await server.get("/v2/library/nginx/manifests/latest")
            #expect(answer.status == 200)
            #expect(answer.text == Fixture.manifest)
            #expect(answer["content-type"] == "application/vnd.oci.image.manifest.v1+json")
            #expect(answer["content-length"] == "\(Fixture.manifest.utf8.count)")
            #expect(answer["docker-content-digest"] == "\(Fixture.manifestDigest)")
            #expect(answer["etag"] == "\"\(Fixture.manifestDigest)\"")
            #expect(answer["docker-distribution-api-version"] == "registry/2.0")
            #expect(answer["x-content-type-options"] == "nosniff")
            #expect(answer["cache-status"] == (inMemory ? "Weir; hit" : "Weir; fwd=uri-miss; stored"))
            #expect(answer["date"]?.hasSuffix(" GMT") == true)
            #expect(answer["connection"] == nil)
        }
    }

    @Test(arguments: [true, false])
    func `HEAD tells of a manifest without sending it`(_ inMemory: Bool) async throws {
        let content = Fixture.content(inMemory: inMemory)
        try await RunningServer.with(content) { server in
            // A second request on the same connection shows that no body followed the first answer.
            let connection = try await RawConnection.connect(to: server)
            let head = "HEAD /v2/a/manifests/latest HTTP/1.1\r\nHost: x\r\n\r\n"
            try await connection.send(head + head)
            for _ in 1...2 {
                let answer = try await connection.answer(isHead: true)
                #expect(answer.status == 200)
                #expect(answer["content-length"] == "\(Fixture.manifest.utf8.count)")
                #expect(answer["docker-content-digest"] == "\(Fixture.manifestDigest)")
            }
            #expect(connection.received.isEmpty)
            #expect(content.asked.manifests.map(\.isHead) == [true, true])
            try await connection.close()
        }
    }

    @Test func `HEAD of a manifest whose size is not known has no length and no body`() async throws {
        let content = FakeContent {
            $0.manifest = { _ throws(CacheError) in
                ManifestAnswer(
                    digest: Fixture.manifestDigest, mediaType: .ociIndex, size: nil, bytes: nil, status: .filled)
            }
        }
        try await RunningServer.with(content) { server in
            let connection = try await RawConnection.connect(to: server)
            let head = "HEAD /v2/a/manifests/latest HTTP/1.1\r\nHost: x\r\n\r\n"
            try await connection.send(head + head)
            for _ in 1...2 {
                let answer = try await connection.answer(isHead: true)
                #expect(answer.status == 200)
                #expect(answer["content-length"] == nil)
                #expect(answer["transfer-encoding"] == nil)
            }
            #expect(connection.received.isEmpty)
            try await connection.close()
        }
    }

    @Test(arguments: [true, false])
    func `a blob is served whole`(_ inMemory: Bool) async throws {
        try await RunningServer.with(Fixture.content(inMemory: inMemory)) { server in
            let answer = try await server.get("/v2/library/nginx/blobs/\(Fixture.blobDigest)")
            #expect(answer.status == 200)
            #expect(answer.body == Fixture.blob)
            #expect(answer["content-type"] == "application/octet-stream")
            #expect(answer["accept-ranges"] == "bytes")
            #expect(answer["cache-control"] == "max-age=31536000")
            #expect(answer["docker-content-digest"] == "\(Fixture.blobDigest)")
            #expect(answer["etag"] == "\"\(Fixture.blobDigest)\"")
            #expect(answer["cache-status"] == "Weir; hit")
        }
    }

    @Test func `HEAD of a blob causes no fill`() async throws {
        let content = Fixture.content(inMemory: true)
        try await RunningServer.with(content) { server in
            let answer = try await server.get("/v2/a/blobs/\(Fixture.blobDigest)", "Range: bytes=0-9", method: "HEAD")
            #expect(answer.status == 200)
            #expect(answer["content-length"] == "1000")
            #expect(content.asked.blobs.map(\.isHead) == [true])
        }
    }

    @Test(arguments: [
        ("bytes=0-9", 0..<10), ("bytes=990-", 990..<1000), ("bytes=-1", 999..<1000), ("bytes=5-5000", 5..<1000),
    ])
    func `a range of a blob is served`(_ range: String, _ bytes: Range<Int>) async throws {
        try await RunningServer.with(Fixture.content(inMemory: true)) { server in
            let answer = try await server.get("/v2/a/blobs/\(Fixture.blobDigest)", "Range: \(range)")
            #expect(answer.status == 206)
            #expect(answer.body == Array(Fixture.blob[bytes]))
            #expect(answer["content-range"] == "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/1000")
            #expect(answer["content-length"] == "\(bytes.count)")
        }
    }

    @Test func `a range outside of the blob is refused and tells the size`() async throws {
        try await RunningServer.with(Fixture.content(inMemory: true)) { server in
            let answer = try await server.get("/v2/a/blobs/\(Fixture.blobDigest)", "Range: bytes=1000-")
            #expect(answer.status == 416)
            #expect(answer["content-range"] == "bytes */1000")
            #expect(answer.text.contains("RANGE_INVALID"))
        }
    }

    @Test func `If-Range keeps a range only for the blob's own tag`() async throws {
        try await RunningServer.with(Fixture.content(inMemory: true)) { server in
            let target = "/v2/a/blobs/\(Fixture.blobDigest)"
            let same = try await server.get(target, "Range: bytes=0-9", "If-Range: \"\(Fixture.blobDigest)\"")
            #expect(same.status == 206)
            let other = try await server.get(target, "Range: bytes=0-9", "If-Range: \"sha256:0\"")
            #expect(other.status == 200)
            #expect(other.body.count == 1000)
        }
    }

    @Test func `what the client has already is not sent again, and causes no fill`() async throws {
        let content = Fixture.content(inMemory: true)
        try await RunningServer.with(content) { server in
            let manifest = try await server.get(
                "/v2/a/manifests/latest", "If-None-Match: \"x\"", "If-None-Match: \"\(Fixture.manifestDigest)\"")
            #expect(manifest.status == 304)
            #expect(manifest["etag"] == "\"\(Fixture.manifestDigest)\"")
            #expect(manifest["content-length"] == nil)
            let blob = try await server.get(
                "/v2/a/blobs/\(Fixture.blobDigest)", "If-None-Match: \(Fixture.blobDigest)", "Range: bytes=0-9")
            #expect(blob.status == 304)
            #expect(content.asked.blobs.map(\.isHead) == [true])
            let other = try await server.get("/v2/a/manifests/latest", "If-None-Match: \"sha256:0\"")
            #expect(other.status == 200)
        }
    }

    @Test func `an empty blob is an empty answer`() async throws {
        let digest = Fixture.digest(of: [])
        let content = FakeContent {
            $0.blobInMemory = { _ in
                BlobAnswer(digest: digest, size: 0, content: MemoryContent(bytes: []), status: .hit)
            }
        }
        try await RunningServer.with(content) { server in
            let answer = try await server.get("/v2/a/blobs/\(digest)")
            #expect(answer.status == 200)
            #expect(answer["content-length"] == "0")
            #expect(answer.body.isEmpty)
        }
    }

    @Test func `only an allowed client may force revalidation`() async throws {
        let content = Fixture.content(inMemory: true)
        for (allowed, mayRefresh) in [(["127.0.0.0/8"], true), (["10.0.0.0/8"], false), ([], false)] {
            try await RunningServer.with(content, configure: { $0.refreshAllowedFrom = allowed }) { server in
                _ = try await server.get("/v2/a/manifests/latest", "Cache-Control: no-cache")
                let asked = try #require(content.asked.manifests.last)
                #expect(asked.requiresRevalidation)
                #expect(asked.client.mayRefresh == mayRefresh)
                #expect(asked.client.address == "127.0.0.1")
            }
        }
        try await RunningServer.with(content) { server in
            _ = try await server.get("/v2/a/manifests/latest", "Pragma: no-cache")
            #expect(content.asked.manifests.last?.requiresRevalidation == true)
            _ = try await server.get("/v2/a/manifests/latest")
            #expect(content.asked.manifests.last?.requiresRevalidation == false)
        }
    }
}
