import BlobStore
import FilesystemBlobStore
import Logging
import MetadataStore
import MetadataStoreConformance
import NIOCore
import NodeContent
import OCI
import Rules
import SQLiteMetadataStore
import StoreContent
import TestMachine
import Testing

/// A node's content out of a real store and a real catalogue.
@Suite(.timeLimit(.minutes(1))) struct StoreContentTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private struct Fixture {
        let blobs: FilesystemBlobStore
        let metadata: SQLiteMetadataStore
        let bell = ChangeBell()

        static func rules() throws -> RuleTable {
            RuleTable(
                [
                    Rule(
                        name: try RuleName("hub"), host: .dockerHub, registry: .dockerHub, completesLibrary: true),
                    Rule(name: try RuleName("corp"), host: try RegistryHost("corp.example")),
                    Rule(
                        name: try RuleName("part"), host: try RegistryHost("part.example"),
                        registry: try RegistryHost("quay.io"), upstreamPrefix: try RepositoryName("team/a")),
                    Rule(name: try RuleName("second"), registry: .dockerHub),
                ], defaultRule: nil)
        }
    }

    private func with(
        limits: StoreContent.Limits = StoreContent.Limits(),
        _ body: (borrowing Fixture, StoreContent) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { path in
            let blobs = try await FilesystemBlobStore.open(directory: path, logger: Self.logger)
            let metadata = try await SQLiteMetadataStore.open(path: "\(path)/catalogue.sqlite", logger: Self.logger)
            let rules = try Fixture.rules()
            let shared = try Set(["hub", "part", "second"].map { try RuleName($0) })
            let fixture = Fixture(blobs: blobs, metadata: metadata)
            let content = StoreContent(blobs: blobs, metadata: metadata, bell: fixture.bell, limits: limits) {
                SharedRepositories(rules: rules, shared: shared)
            }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(fixture, content))
            } catch {
                result = .failure(error)
            }
            try await metadata.close()
            await blobs.close()
            try result.get()
        }
    }

    private static func put(_ bytes: String, in blobs: FilesystemBlobStore) async throws -> Digest {
        let digest = DigestHasher.digest(of: bytes.utf8)
        let ingest = try await blobs.beginIngest(of: digest, expectedSize: Int64(bytes.utf8.count))
        try await ingest.append(ByteBuffer(string: bytes))
        try await ingest.commit()
        return digest
    }

    private func texts(_ images: [NodeImage]) -> [String] {
        images.map { "\($0.registry)/\($0.repository)\($0.tag.map { ":\($0)" } ?? "")" }.sorted()
    }

    @Test func `images are named as references name them, without those of private rules`() async throws {
        try await with { fixture, content async throws in
            let metadata = fixture.metadata
            for (index, (name, rule)) in [
                ("library/x", "hub"), ("app", "corp"), ("team/a/y", "part"), ("library/z", "second"),
            ].enumerated() {
                let repository = try Samples.repository(name, rule: rule)
                let image = try SampleManifest.image(index, config: 100 + index, layers: [200 + index])
                try await metadata.put(image, in: repository)
                try await metadata.putTag("1", of: image.digest, in: repository)
            }
            try await metadata.putBlobs(Array(0...3) + Array(100...103) + Array(200...203))
            let images = try await content.images()
            #expect(texts(images) == ["docker.io/library/x:1", "part.example/y:1"])
            #expect(Set(images.flatMap(\.digests)) == Set([0, 100, 200, 2, 102, 202].map { Samples.digest($0) }))
            let one = try Tag("1")
            func digest(_ repository: String, _ registry: String) async throws -> Digest? {
                try await content.digest(
                    of: one, in: try RepositoryName(repository), of: try RegistryHost(registry))
            }
            #expect(try await digest("library/x", "docker.io") == Samples.digest(0))
            #expect(try await digest("x", "docker.io") == Samples.digest(0))
            #expect(try await digest("y", "part.example") == Samples.digest(2))
            #expect(try await digest("app", "corp.example") == nil)
            #expect(try await digest("library/x", "nowhere.example") == nil)
        }
    }

    @Test func `a blob is given out where a shared repository holds it, and from its file`() async throws {
        try await with { fixture, content async throws in
            let metadata = fixture.metadata
            let (open, secret) = (
                try await Self.put("everybody's", in: fixture.blobs), try await Self.put("ours", in: fixture.blobs)
            )
            for (number, digest, rule) in [(1, open, "hub"), (2, secret, "corp")] {
                let text = """
                    {"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json",\
                    "digest":"\(digest)","size":4},"layers":[]}
                    """
                let manifest = try await Self.put(text, in: fixture.blobs)
                try await metadata.put(
                    ManifestRecord(
                        repository: try Samples.repository("a/b", rule: rule), digest: manifest,
                        mediaType: .ociManifest, size: Int64(text.utf8.count), fetchedAt: Samples.moment(number)),
                    contents: try Manifest(parsing: text.utf8, declared: .ociManifest, digest: manifest))
                try await metadata.put(
                    BlobRecord(digest: digest, size: 4, storedAt: Samples.moment(0), usedAt: Samples.moment(0)))
            }
            // Whoever asks first has it listed.
            #expect(try await content.open(secret) == nil)
            let reader = try #require(try await content.open(open))
            #expect(reader.fileDescriptor != nil)
            #expect(try await reader.read(at: 0, length: 100) == ByteBuffer(string: "everybody's"))
            #expect(try await content.open(secret) == nil)
            // What is gone is not here, whatever the catalogue says.
            try await fixture.blobs.remove(open)
            #expect(try await content.open(open) == nil)
        }
    }

    @Test func `no more is shared than the bounds allow, and what was pulled last goes first`() async throws {
        var limits = StoreContent.Limits()
        limits.keys = 7
        try await with(limits: limits) { fixture, content async throws in
            let repository = try Samples.repository("library/x")
            for number in 0..<5 {
                let image = try SampleManifest.image(number, config: 100 + number, layers: [7])
                try await fixture.metadata.put(image, in: repository, at: number)
                try await fixture.metadata.putTag("t\(number)", of: image.digest, in: repository)
            }
            try await fixture.metadata.putBlobs(Array(0..<5) + Array(100..<105) + [7])
            // Four keys for the first, of which the layer is shared by all, and three for the next.
            #expect(texts(try await content.images()) == ["docker.io/library/x:t3", "docker.io/library/x:t4"])
        }
    }

    @Test func `whoever follows is told at first and at every change, until cancelled`() async throws {
        try await with { fixture, content async throws in
            let bell = fixture.bell
            let (changes, continuation) = AsyncStream.makeStream(of: Void.self)
            let following = Task { try await content.follow { continuation.yield() } }
            var iterator = changes.makeAsyncIterator()
            #expect(await iterator.next() != nil)
            bell.ring()
            #expect(await iterator.next() != nil)
            following.cancel()
            try await following.value
            bell.ring()
            continuation.finish()
            #expect(await iterator.next() == nil)
        }
    }
}
