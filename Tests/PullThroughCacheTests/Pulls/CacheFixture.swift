import BlobStore
import FilesystemBlobStore
import Foundation
import Logging
import MetadataStore
import NIOCore
import OCI
import RegistryTestKit
import Rules
import SQLiteMetadataStore
import Testing
import Timekeeping
import Upstream
import UpstreamClient

@testable import PullThroughCache

/// A whole cache over a real store and a real catalogue, in front of a registry that misbehaves on command.
struct CacheFixture: Sendable {
    let registry: TestRegistry
    let cache: PullThroughCache
    let clock: ManualWallClock
    let store: FilesystemBlobStore
    let metadata: SQLiteMetadataStore
    let directory: String
    var rule: Rule

    static let retries = FillRetries(attempts: 3, firstPause: .zero, longestPause: .zero)

    /// - Parameters:
    ///   - directory: for the store; nil: a new one, removed afterwards.
    ///   - rules: further rules over the same upstream, by name.
    ///   - wrapping: what stands between the cache and each upstream.
    static func withRunning(
        registry shared: TestRegistry? = nil, directory given: String? = nil,
        configuration: Configuration = Configuration(retries: retries), freshness: FreshnessPolicy = FreshnessPolicy(),
        outage: OutagePolicy = OutagePolicy(), otherRules: [String] = [], fetchesAhead: Bool = false,
        pacing: PacingSettings = PacingSettings(),
        wrapping: (any UpstreamRegistry) -> any UpstreamRegistry = { $0 },
        namespaces: @escaping PullNamespaces = { _, _, _ in nil },
        _ body: @Sendable (CacheFixture) async throws -> Void
    ) async throws {
        // Requests are counted to the last one, so that nothing may be asked of the upstream without need.
        var configuration = configuration
        configuration.fetchesAhead = fetchesAhead
        let directory =
            given ?? FileManager.default.temporaryDirectory.path + "/weir-cache-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { if given == nil { try? FileManager.default.removeItem(atPath: directory) } }
        let registry: TestRegistry
        if let shared { registry = shared } else { registry = try await TestRegistry.start() }
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let clock = ManualWallClock()
        let store = try await FilesystemBlobStore.open(directory: directory, logger: quiet)
        let metadata = try await SQLiteMetadataStore.open(path: directory + "/catalogue.sqlite", logger: quiet)
        let transport = UpstreamTransport(proxy: ProxySettings(), logger: quiet)
        let rule = Rule(
            name: try RuleName("hub"), host: try registry.host, freshness: freshness, outage: outage)
        var upstreams: [RuleName: any UpstreamRegistry] = [:]
        for name in ["hub"] + otherRules {
            var settings = UpstreamClient.Configuration(name: name, usesTLS: false, host: try registry.host)
            settings.attempts = 1
            settings.pacing = pacing
            settings.connectTimeout = .seconds(2)
            settings.answerTimeout = .seconds(20)
            settings.stallTimeout = .seconds(20)
            upstreams[try RuleName(name)] = wrapping(
                UpstreamClient(configuration: settings, transport: transport, clock: clock, logger: quiet))
        }
        let cache = PullThroughCache(
            configuration: configuration, upstreams: upstreams, blobs: store, journal: store.journal,
            metadata: metadata, namespaces: namespaces, clock: clock, logger: quiet)
        let running = Task { try await cache.run() }
        let fixture = CacheFixture(
            registry: registry, cache: cache, clock: clock, store: store, metadata: metadata, directory: directory,
            rule: rule)
        let result: Result<Void, any Error>
        do { result = .success(try await body(fixture)) } catch { result = .failure(error) }
        if shared == nil { await registry.stop() }
        running.cancel()
        _ = await running.result
        try await transport.shutdown()
        try await metadata.close()
        await store.close()
        try result.get()
    }

    // MARK: Asking

    let client = Client(address: "127.0.0.1", mayRefresh: false)

    func key(_ repository: String) throws -> RepositoryKey {
        RepositoryKey(rule: rule.name, name: try RepositoryName(repository))
    }

    func manifest(
        _ repository: String, _ reference: some CustomStringConvertible, isHead: Bool = false, refresh: Bool = false,
        mayRefresh: Bool = true
    ) async throws -> ManifestAnswer {
        let request = ManifestRequest(
            rule: rule, repository: try key(repository), reference: try ManifestReference(reference.description),
            isHead: isHead, requiresRevalidation: refresh,
            client: Client(address: "127.0.0.1", mayRefresh: mayRefresh))
        if let answer = cache.manifestInMemory(request) { return answer }
        return try await cache.manifest(request)
    }

    func blob(_ repository: String, _ digest: Digest, isHead: Bool = false) async throws -> BlobAnswer {
        try await cache.blob(
            BlobRequest(rule: rule, repository: try key(repository), digest: digest, isHead: isHead, client: client))
    }

    /// A blob's bytes from start to end, as a client gets them.
    func bytes(_ repository: String, _ digest: Digest) async throws -> ByteBuffer {
        try await read(try await blob(repository, digest))
    }

    /// Everything that `answer` gives out.
    func read(_ answer: BlobAnswer, limit: Int64 = .max) async throws -> ByteBuffer {
        let content = try #require(answer.content)
        var bytes = ByteBuffer()
        while let piece = try await content.piece(at: Int64(bytes.readableBytes), limit: limit) {
            switch piece {
            case .bytes(var chunk): bytes.writeBuffer(&chunk)
            case .stored(let reader, let range):
                var offset = range.lowerBound
                while offset < range.upperBound {
                    var chunk = try await reader.read(at: offset, length: Int(range.upperBound - offset))
                    try #require(chunk.readableBytes > 0)
                    offset += Int64(chunk.readableBytes)
                    bytes.writeBuffer(&chunk)
                }
            }
        }
        return bytes
    }

    /// Pulls an image of one platform as a client does: by tag, then everything that it names.
    func pull(_ repository: String, _ tag: String, platform index: Int = 0, of image: TestImage) async throws {
        let answer = try await manifest(repository, tag)
        #expect(answer.bytes == image.index.bytes)
        let child = image.images[index]
        #expect(try await manifest(repository, child.manifest.digest).bytes == child.manifest.bytes)
        for blob in child.blobs { #expect(try await bytes(repository, blob.digest) == blob.bytes) }
    }

    /// Returns once everything decided so far is written down, and no fill is under way.
    /// - Parameter held: so many fills are held up by the upstream, and stay so.
    func settle(leaving held: Int = 0) async throws {
        while try await cache.report().runningFills > held { await Task.yield() }
        _ = try await cache.collect(isDryRun: true)
    }

    /// The bytes that the store takes of the disk.
    func diskUsage() throws -> Int64 {
        let blobs = directory + "/blobs"
        let paths = FileManager.default.enumerator(atPath: blobs)
        var total: Int64 = 0
        while let path = paths?.nextObject() as? String {
            let attributes = try FileManager.default.attributesOfItem(atPath: blobs + "/" + path)
            guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
            total += (attributes[.size] as? NSNumber)?.int64Value ?? 0
        }
        return total
    }

    func path(of digest: Digest) -> String {
        "\(directory)/blobs/\(digest.algorithm.rawValue)/\(digest.hex.prefix(2))/\(digest.hex)"
    }
}
