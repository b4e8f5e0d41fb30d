internal import Benchmark
internal import Foundation
internal import Logging
internal import MetadataStore
internal import OCI
internal import Rules
internal import SQLiteMetadataStore
internal import Timekeeping

/// Look-ups in a catalogue of ten thousand images.
enum Catalogues {
    private static let imageCount = 10_000

    static func register() throws {
        let repository = RepositoryKey(rule: try RuleName("dockerhub"), name: try RepositoryName("library/nginx"))
        let catalogue = Catalogue(repository: repository, imageCount: imageCount)
        let configuration = Benchmark.Configuration(
            warmupIterations: 1, scalingFactor: .kilo,
            setup: { try await catalogue.open() }, teardown: { try await catalogue.close() })

        Benchmark("catalogue: tag", configuration: configuration) { benchmark in
            let store = try catalogue.store()
            for iteration in benchmark.scaledIterations {
                let tag = try Tag("v\(iteration % imageCount)")
                blackHole(try await store.tag(tag, in: repository))
            }
        }
        Benchmark("catalogue: manifest", configuration: configuration) { benchmark in
            let store = try catalogue.store()
            for iteration in benchmark.scaledIterations {
                blackHole(try await store.manifest(catalogue.manifests[iteration % imageCount], in: repository))
            }
        }
        Benchmark("catalogue: which repository has a blob", configuration: configuration) { benchmark in
            let store = try catalogue.store()
            for iteration in benchmark.scaledIterations {
                let blob = Material.digest((iteration % imageCount) &* 1000 &+ 1)
                blackHole(try await store.membership(of: blob, in: repository))
            }
        }
    }
}

/// A database in a folder of its own, which is there from set-up to tear-down of one benchmark after the other: they
/// run one at a time.
private final class Catalogue: @unchecked Sendable {
    // `@unchecked`: written by set-up and tear-down alone, between which the benchmark reads.
    private(set) var manifests: [Digest] = []
    private var opened: SQLiteMetadataStore?
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weir-micro-\(UUID())")
    private let repository: RepositoryKey
    private let imageCount: Int

    init(repository: RepositoryKey, imageCount: Int) {
        self.repository = repository
        self.imageCount = imageCount
    }

    struct NotOpen: Error {}

    func store() throws -> SQLiteMetadataStore {
        guard let opened else { throw NotOpen() }
        return opened
    }

    func open() async throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let store = try await SQLiteMetadataStore.open(
            path: folder.appendingPathComponent("catalogue.sqlite").path, logger: Logger(label: "micro"))
        let now = Timestamp(seconds: 1_700_000_000)
        manifests = []
        for number in 0..<imageCount {
            let bytes = Array(Material.manifest(layers: 2, seed: number).utf8)
            let digest = DigestHasher.digest(of: bytes)
            let manifest = try Manifest(parsing: bytes, declared: nil, digest: digest)
            try await store.put(
                ManifestRecord(
                    repository: repository, digest: digest, mediaType: manifest.mediaType, size: Int64(bytes.count),
                    fetchedAt: now),
                contents: manifest)
            try await store.put(
                TagRecord(
                    repository: repository, tag: try Tag("v\(number)"), digest: digest,
                    mediaType: manifest.mediaType, size: Int64(bytes.count), checkedAt: now))
            manifests.append(digest)
        }
        opened = store
    }

    func close() async throws {
        try await opened?.close()
        opened = nil
        try FileManager.default.removeItem(at: folder)
    }
}
