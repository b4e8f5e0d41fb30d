import NIOCore
import NIOHTTP1
import OCI
import RegistryTestKit
import Testing
import Upstream
import UpstreamClient

@Suite(.timeLimit(.minutes(2)))
struct PullTests {
    @Test func `manifests and blobs come byte for byte`() async throws {
        try await Harness.run { harness in
            let image = harness.registry.addImage(repository: "library/nginx", tag: "latest")
            let received = try await harness.client.manifest(tag, in: repository, limitBytes: 4 << 20)
            #expect(received.bytes == image.index.bytes)
            #expect(received.mediaType == .ociIndex)
            #expect(received.digest == image.index.digest)
            for manifest in image.manifests {
                #expect(try await harness.client.manifestBytes(.digest(manifest.digest)) == manifest.bytes)
            }
            for blob in image.blobs { #expect(try await harness.client.wholeBlob(blob.digest) == blob.bytes) }
        }
    }

    @Test func `a manifest is asked for with every type that can be cached`() async throws {
        try await Harness.run(configure: { configuration, _ in configuration.userAgent = "weir/1.2.3" }) { harness in
            harness.registry.addImage(repository: "library/nginx", tag: "latest")
            _ = try await harness.client.manifestBytes()
            let request = try #require(harness.registry.requests.first)
            let accept = try #require(request.headers.first(name: "Accept"))
            for type in MediaType.manifests { #expect(accept.contains(type.description)) }
            #expect(request.userAgent == "weir/1.2.3")
            #expect(request.headers.first(name: "Accept-Encoding") == "identity")
        }
    }

    @Test func `resolving sends a HEAD and nothing else`() async throws {
        try await Harness.run { harness in
            let image = harness.registry.addImage(repository: "library/nginx", tag: "latest")
            let resolved = try await harness.client.resolve(tag, in: repository)
            #expect(
                resolved
                    == ResolvedManifest(
                        digest: image.index.digest, mediaType: .ociIndex, size: Int64(image.index.size)))
            #expect(harness.registry.requests.map(\.method) == ["HEAD"])
        }
    }

    @Test(arguments: [Fault.omitHeader("Docker-Content-Digest"), .setHeader("Docker-Content-Digest", "sha256:lie")])
    func `a HEAD without a proper digest resolves to none`(_ fault: Fault) async throws {
        try await Harness.run { harness in
            harness.registry.addImage(repository: "library/nginx", tag: "latest")
            harness.registry.inject(fault)
            let resolved = try await harness.client.resolve(tag, in: repository)
            #expect(resolved.digest == nil)
            #expect(resolved.mediaType == .ociIndex)
        }
    }

    @Test func `an upstream without HEAD resolves to nothing, and tells a blob's size by one byte`() async throws {
        try await Harness.run { harness in
            let image = harness.registry.addImage(repository: "library/nginx", tag: "latest")
            harness.registry.inject(.status(405), for: RequestMatcher(method: "HEAD"))
            let resolved = try await harness.client.resolve(tag, in: repository)
            #expect(resolved == ResolvedManifest(digest: nil, mediaType: nil, size: nil))
            let blob = image.blobs[1]
            #expect(try await harness.client.blobSize(blob.digest, in: repository) == Int64(blob.size))
            #expect(harness.registry.requests.last?.range == "bytes=0-0")
        }
    }

    @Test func `a blob's size comes by HEAD`() async throws {
        try await Harness.run { harness async throws in
            let digest = harness.registry.add(blob: ByteBuffer(repeating: 7, count: 12_345), to: "library/nginx")
            #expect(try await harness.client.blobSize(digest, in: repository) == 12_345)
            #expect(harness.registry.requests.map(\.method) == ["HEAD"])
        }
    }

    @Test func `what is not there is not found`() async throws {
        try await Harness.run { harness in
            let missing = TestContent.random(count: 8).digest
            #expect(await upstreamError { try await harness.client.resolve(tag, in: repository) } == .notFound)
            #expect(await upstreamError { try await harness.client.manifestBytes() } == .notFound)
            #expect(await upstreamError { try await harness.client.blobSize(missing, in: repository) } == .notFound)
            #expect(await upstreamError { try await harness.client.wholeBlob(missing) } == .notFound)
            #expect(harness.pauses.all.isEmpty)
        }
    }

    @Test func `a manifest over the limit is not read to its end`() async throws {
        try await Harness.run { harness in
            harness.registry.addImage(repository: "library/nginx", tag: "latest")
            for fault in [nil, Fault.chunked, .endlessBody] {
                harness.registry.removeAllFaults()
                if let fault { harness.registry.inject(fault) }
                let error = await upstreamError {
                    try await harness.client.manifest(tag, in: repository, limitBytes: 100)
                }
                #expect(error == .tooLarge(limitBytes: 100))
            }
            #expect(harness.pauses.all.isEmpty)
        }
    }

    @Test func `a page instead of a manifest is handed on as what it is`() async throws {
        try await Harness.run { harness in
            harness.registry.inject(.html())
            let received = try await harness.client.manifest(tag, in: repository, limitBytes: 4096)
            #expect(received.mediaType?.description == "text/html")
            #expect(received.digest == nil)
        }
    }

    @Test func `tags come by pages`() async throws {
        try await Harness.run { harness async throws in
            let image = harness.registry.addImage(repository: "library/nginx", tag: "a")
            for tag in ["b", "c"] { harness.registry.move(tag: tag, of: "library/nginx", to: image.index.digest) }
            let first = try await harness.client.tags(in: repository, after: nil, limit: 2)
            #expect(first.tags.map(\.description) == ["a", "b"])
            #expect(first.hasMore)
            let second = try await harness.client.tags(in: repository, after: "b", limit: 2)
            #expect(second.tags.map(\.description) == ["c"])
            #expect(!second.hasMore)
            _ = try await harness.client.tags(in: repository, after: "a&b=c d", limit: nil)
            #expect(harness.registry.requests.last?.query == "last=a%26b%3Dc%20d")
        }
    }

    @Test func `malformed tags are left out, and no list is an error`() async throws {
        try await Harness.run { harness async throws in
            harness.registry.addImage(repository: "library/nginx", tag: "a")
            let lie = harness.registry.inject(.replaceBody(Array(#"{"tags":["ok","../x",""]}"#.utf8)))
            #expect(
                try await harness.client.tags(in: repository, after: nil, limit: nil).tags.map(\.description) == ["ok"])
            harness.registry.remove(lie)
            let null = harness.registry.inject(.replaceBody(Array(#"{"name":"x","tags":null}"#.utf8)))
            #expect(try await harness.client.tags(in: repository, after: nil, limit: nil).tags.isEmpty)
            harness.registry.remove(null)
            for text in ["<html>", #"{"tags":"a"}"#, String(repeating: "[", count: 100_000)] {
                let fault = harness.registry.inject(.replaceBody(Array(text.utf8)))
                let error = await upstreamError {
                    try await harness.client.tags(in: repository, after: nil, limit: nil)
                }
                #expect(error == .malformedAnswer(reason: "its list of tags is no such JSON"))
                harness.registry.remove(fault)
            }
        }
    }

    @Test func `referrers come as they are, and filtered where the upstream filters`() async throws {
        try await Harness.run { harness in
            let image = harness.registry.addImage(repository: "library/nginx", tag: "latest")
            let signature = harness.registry.addReferrer(
                to: image.index, repository: "library/nginx", artifactType: "application/vnd.test.signature")
            harness.registry.addReferrer(
                to: image.index, repository: "library/nginx", artifactType: "application/vnd.test.sbom")
            let all = try await harness.client.referrers(
                of: image.index.digest, in: repository, artifactType: nil, limitBytes: 1 << 20)
            #expect(!all.isFiltered)
            let signatures = try await harness.client.referrers(
                of: image.index.digest, in: repository, artifactType: "application/vnd.test.signature",
                limitBytes: 1 << 20)
            #expect(signatures.isFiltered)
            #expect(String(buffer: signatures.bytes).contains(signature.digest.hex))
            #expect(!String(buffer: signatures.bytes).contains("sbom"))
        }
    }

    @Test(arguments: [404, 405, 400, 501])
    func `an upstream without a referrers API has none`(_ status: Int) async throws {
        try await Harness.run { harness in
            harness.registry.inject(.status(status))
            let error = await upstreamError {
                try await harness.client.referrers(
                    of: TestContent.random(count: 1).digest, in: repository, artifactType: nil, limitBytes: 1000)
            }
            #expect(error == .notFound)
        }
    }
}
