import BlobStore
import FilesystemBlobStore
import Foundation
import Logging
import MetadataStore
import NIOCore
import OCI
import PullThroughCache
import Rules
import SQLiteMetadataStore
import Testing
import Timekeeping

/// A store, a journal and a catalogue on the disk, filled as the cache would fill them.
struct CheckedStore {
    let path: String
    let blobs: any BlobStore
    let journal: any RepositoryJournal
    let metadata: any MetadataStore
    let clock = ManualWallClock()

    var checker: StoreChecker {
        StoreChecker(blobs: blobs, journal: journal, metadata: metadata, clock: clock)
    }

    /// Runs `body` with an empty store, which is removed afterwards.
    static func with(_ body: (CheckedStore) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.path + "/weir-check-\(UInt64.random(in: .min ... .max))"
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let blobs = try await FilesystemBlobStore.open(directory: path, logger: quiet)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let metadata = try await SQLiteMetadataStore.open(path: path + "/catalogue.db", logger: quiet)
        do {
            try await body(CheckedStore(path: path, blobs: blobs, journal: blobs.journal, metadata: metadata))
        } catch {
            await blobs.close()
            throw error
        }
        try await metadata.close()
        await blobs.close()
    }

    func file(of digest: Digest) -> String {
        "\(path)/blobs/\(digest.algorithm.rawValue)/\(digest.hex.prefix(2))/\(digest.hex)"
    }

    @discardableResult
    func store(_ content: some Collection<UInt8>, withRow: Bool = true) async throws -> Digest {
        let digest = DigestHasher.digest(of: content)
        let ingest = try await blobs.beginIngest(of: digest, expectedSize: Int64(content.count))
        try await ingest.append(ByteBuffer(bytes: content))
        try await ingest.commit()
        if withRow {
            let now = clock.now()
            try await metadata.put(
                BlobRecord(digest: digest, size: Int64(content.count), storedAt: now, usedAt: now))
        }
        return digest
    }

    /// Stores a manifest in bytes, journal and catalogue.
    @discardableResult
    func storeManifest(_ text: String, _ mediaType: MediaType, in repository: RepositoryKey) async throws -> Digest {
        let digest = try await store(Array(text.utf8), withRow: false)
        let contents = try Manifest(parsing: text.utf8, declared: mediaType, digest: digest)
        try await metadata.put(
            ManifestRecord(
                repository: repository, digest: digest, mediaType: mediaType, size: Int64(text.utf8.count),
                fetchedAt: clock.now()), contents: contents)
        try await journal.record(
            manifest: JournaledManifest(
                repository: repository, digest: digest, mediaType: mediaType, fetchedAt: clock.now()))
        return digest
    }

    /// Stores an image of a configuration and a layer of its own, and one that all images share.
    @discardableResult
    func storeImage(_ name: String, in repository: RepositoryKey) async throws -> Digest {
        let config = try await store(Array("config of \(name)".utf8))
        let layer = try await store(Array("layer of \(name)".utf8))
        let shared = try await store(Array("shared layer".utf8))
        let type = "application/vnd.oci.image.layer.v1.tar+gzip"
        return try await storeManifest(
            """
            {"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(config)",
            "size":\("config of \(name)".utf8.count)},"layers":[
            {"mediaType":"\(type)","digest":"\(layer)","size":\("layer of \(name)".utf8.count)},
            {"mediaType":"\(type)","digest":"\(shared)","size":12}]}
            """, .ociManifest, in: repository)
    }

    @discardableResult
    func storeIndex(of children: [Digest], in repository: RepositoryKey) async throws -> Digest {
        let type = MediaType.ociManifest.description
        let list = children.map { "{\"mediaType\":\"\(type)\",\"digest\":\"\($0)\",\"size\":500}" }
        return try await storeManifest(
            "{\"schemaVersion\":2,\"manifests\":[\(list.joined(separator: ","))]}", .ociIndex, in: repository)
    }

    func storeTag(_ tag: String, of digest: Digest, in repository: RepositoryKey) async throws {
        let manifest = try await metadata.manifest(digest, in: repository)
        let record = TagRecord(
            repository: repository, tag: try Tag(tag), digest: digest, mediaType: manifest?.mediaType,
            size: manifest?.size, checkedAt: clock.now())
        try await metadata.put(record)
        try await journal.record(
            tag: JournaledTag(
                repository: repository, tag: record.tag, digest: digest, checkedAt: record.checkedAt))
    }

    /// Two repositories with three images, one of them an index of two, and what belongs to them.
    func fill() async throws -> (a: RepositoryKey, b: RepositoryKey, index: Digest, image: Digest) {
        let a = RepositoryKey(rule: try RuleName("hub"), name: try RepositoryName("library/a"))
        let b = RepositoryKey(rule: try RuleName("team/hub"), name: try RepositoryName("b"))
        let arm = try await storeImage("arm", in: a)
        clock.advance(by: .seconds(5))
        let index = try await storeIndex(of: [arm, try await storeImage("x86", in: a)], in: a)
        let image = try await storeImage("alone", in: b)
        clock.advance(by: .seconds(5))
        for tag in ["latest", "v1"] { try await storeTag(tag, of: index, in: a) }
        try await storeTag("latest", of: image, in: b)
        return (a, b, index, image)
    }
}
