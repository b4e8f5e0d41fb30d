internal import BlobStore
internal import CoreMetrics
internal import Logging
internal import MetadataStore
internal import NIOCore
internal import OCI
internal import Rules
internal import Synchronization
internal import Timekeeping

/// The catalogue as pulls use it: memory in front, the database behind, and writes that nobody waits for.
///
/// Where the database cannot be written (its disk is full) pulls go on from memory; what was not written is asked of
/// the upstream again later. Where it cannot be read, that is an error: a broken disk never looks like an absent image.
final class Catalogue: Sendable {
    let metadata: any MetadataStore
    let journal: any RepositoryJournal
    let writer = CatalogueWriter()
    private let memory: Mutex<CatalogueMemory>
    private let metrics: CacheMetrics
    private let logger: Logger
    private let contentChanged: @Sendable () -> Void

    /// - Parameter contentChanged: called after other content is stored, or named, than before; must not wait.
    init(
        metadata: any MetadataStore, journal: any RepositoryJournal, memoryLimitBytes: Int, metrics: CacheMetrics,
        logger: Logger, contentChanged: @escaping @Sendable () -> Void = {}
    ) {
        self.metadata = metadata
        self.journal = journal
        memory = Mutex(CatalogueMemory(manifestLimitBytes: memoryLimitBytes))
        self.metrics = metrics
        self.logger = logger
        self.contentChanged = contentChanged
    }

    // MARK: Tags

    func tagInMemory(_ tag: Tag, in repository: RepositoryKey) -> TagRecord? {
        knownTag(tag, in: repository)?.record
    }

    func knownTag(_ tag: Tag, in repository: RepositoryKey) -> KnownTag? {
        memory.withLock { $0.tags.value(for: TagKey(repository: repository, tag: tag)) }
    }

    /// A tag that was resolved to `digest` while the manifest was not stored yet.
    func tagInMemory(naming digest: Digest, in repository: RepositoryKey) -> Tag? {
        memory.withLock { $0.unstoredTags.peek(ContentKey(repository: repository, digest: digest))?.last?.tag }
    }

    /// What the upstream last said of `tag`, whether or not the manifest is stored.
    func tag(_ tag: Tag, in repository: RepositoryKey) async throws -> TagRecord? {
        try await taggedManifest(tag, in: repository)?.tag
    }

    /// What the upstream last said of `tag`; and of the manifest what the database knows, where that had to be asked.
    func taggedManifest(_ tag: Tag, in repository: RepositoryKey) async throws -> TaggedManifest? {
        if let record = tagInMemory(tag, in: repository) { return TaggedManifest(tag: record, manifest: nil) }
        guard let found = try await metadata.taggedManifest(tag, in: repository) else { return nil }
        return memory.withLock { memory in
            let key = TagKey(repository: repository, tag: tag)
            // The upstream may have said something newer since the database was asked.
            if let newer = memory.tags.peek(key) { return TaggedManifest(tag: newer.record, manifest: nil) }
            memory.tags.insert(KnownTag(found.tag), for: key)
            return found
        }
    }

    /// What can be served as `tag` when the upstream is gone, the newest first: what the upstream last said, even if it
    /// could not be written down; and what the tag named when its manifest was last stored.
    func candidates(for tag: Tag, in repository: RepositoryKey) async throws -> [TagRecord] {
        let newest = tagInMemory(tag, in: repository)
        let stored = try await metadata.tag(tag, in: repository)
        return [newest, stored == newest ? nil : stored].compactMap(\.self)
    }

    /// The upstream said that the tag is gone: what is known of it is no longer fresh.
    func expire(_ tag: Tag, in repository: RepositoryKey) async throws {
        guard var record = try await self.tag(tag, in: repository) else { return }
        record.checkedAt = Timestamp(seconds: 0)
        note(record, isStored: true)
    }

    /// Notes what the upstream said of a tag.
    ///
    /// - Parameter isStored: whether the manifest is stored. Where it is not, an older one that is must stay what the
    ///   tag names on disk, since it is all that could be served without the upstream; the new one takes its place
    ///   when it is stored.
    func note(_ record: TagRecord, isStored: Bool) {
        let key = ContentKey(repository: record.repository, digest: record.digest)
        memory.withLock { memory in
            memory.tags.insert(KnownTag(record), for: TagKey(repository: record.repository, tag: record.tag))
            memory.absences.removeValue(
                for: ReferenceKey(repository: record.repository, reference: .tag(record.tag)))
            guard !isStored else { return }
            var waiting = memory.unstoredTags.value(for: key) ?? []
            waiting.removeAll { $0.tag == record.tag }
            // A manifest with more names than this is told them again by the next HEAD.
            if waiting.count < 64 { waiting.append(record) }
            memory.unstoredTags.insert(waiting, for: key)
        }
        writer.enqueue { await self.write(record, isStored: isStored) }
    }

    private func write(_ record: TagRecord, isStored: Bool) async {
        await writing("a tag") {
            let older = try await self.metadata.tag(record.tag, in: record.repository)
            if !isStored, let older, older.digest != record.digest { return }
            try await self.metadata.put(record)
            try await self.journal.record(
                tag: JournaledTag(
                    repository: record.repository, tag: record.tag, digest: record.digest,
                    checkedAt: record.checkedAt))
            if older?.digest != record.digest { self.contentChanged() }
        }
    }

    // MARK: Manifests

    func manifestInMemory(_ digest: Digest, in repository: RepositoryKey) -> CachedManifest? {
        memory.withLock { $0.manifests.value(for: ContentKey(repository: repository, digest: digest)) }
    }

    /// Whether `repository` is known to hold the manifest, and as what.
    func manifest(_ digest: Digest, in repository: RepositoryKey) async throws -> ManifestRecord? {
        try await metadata.manifest(digest, in: repository)
    }

    func remember(_ manifest: CachedManifest, in repository: RepositoryKey) {
        memory.withLock {
            $0.manifests.insert(
                manifest, for: ContentKey(repository: repository, digest: manifest.digest), cost: manifest.cost)
        }
    }

    /// Notes that `repository` holds `manifest`, and with it everything that it names.
    /// - Parameter store: puts the bytes into the store, after the row: a row without its bytes is a miss, and bytes
    ///   without their row nobody would ever remove.
    func note(
        _ manifest: CachedManifest, contents: Manifest, in repository: RepositoryKey, at moment: Timestamp,
        store: @escaping @Sendable () async throws -> Void
    ) {
        let key = ContentKey(repository: repository, digest: manifest.digest)
        let tags = memory.withLock { memory -> [TagRecord] in
            memory.manifests.insert(manifest, for: key, cost: manifest.cost)
            for blob in contents.blobs {
                memory.memberships.insert(blob.size, for: ContentKey(repository: repository, digest: blob.digest))
            }
            memory.absences.removeValue(
                for: ReferenceKey(repository: repository, reference: .digest(manifest.digest)))
            defer { memory.unstoredTags.removeValue(for: key) }
            return memory.unstoredTags.peek(key) ?? []
        }
        let isEnqueued = writer.enqueue(cost: manifest.cost) {
            await self.writing("a manifest") {
                try await self.metadata.put(
                    ManifestRecord(
                        repository: repository, digest: manifest.digest, mediaType: manifest.mediaType,
                        size: Int64(manifest.bytes.readableBytes), fetchedAt: moment),
                    contents: contents)
                do {
                    try await store()
                } catch {
                    // A file that is there keeps its row, whatever else went wrong.
                    if error is BlobStoreError { try await self.metadata.forget(blob: manifest.digest) }
                    throw error
                }
                try await self.journal.record(
                    manifest: JournaledManifest(
                        repository: repository, digest: manifest.digest, mediaType: manifest.mediaType,
                        fetchedAt: moment))
                self.contentChanged()
            }
            for tag in tags { await self.write(tag, isStored: true) }
        }
        if !isEnqueued { metrics.writesFailed.increment() }
    }

    // MARK: Blobs

    /// The size of a blob that `repository` is known to hold; nil where it is not known to.
    func membership(of blob: Digest, in repository: RepositoryKey) async throws -> Int64? {
        let key = ContentKey(repository: repository, digest: blob)
        if let size = memory.withLock({ $0.memberships.value(for: key) }) { return size }
        guard let membership = try await metadata.membership(of: blob, in: repository) else { return nil }
        memory.withLock { $0.memberships.insert(membership.size, for: key) }
        return membership.size
    }

    func membershipInMemory(of blob: Digest, in repository: RepositoryKey) -> Int64? {
        memory.withLock { $0.memberships.value(for: ContentKey(repository: repository, digest: blob)) }
    }

    /// Notes that the upstream confirmed `repository` to hold a blob.
    func confirm(_ blob: Digest, size: Int64, in repository: RepositoryKey, at moment: Timestamp) {
        let isKnown = memory.withLock { memory in
            let key = ContentKey(repository: repository, digest: blob)
            defer { memory.memberships.insert(size, for: key) }
            return memory.memberships.peek(key) == size
        }
        guard !isKnown else { return }
        writer.enqueue {
            await self.writing("a confirmation") {
                try await self.metadata.confirm(blob: blob, size: size, in: repository, at: moment)
            }
        }
    }

    /// Writes down that the store holds a blob; returns whether that could be done.
    func noteStored(_ blob: BlobRecord) async -> Bool {
        await writing("a blob") {
            try await self.metadata.put(blob)
            self.contentChanged()
        }
    }

    /// Takes ``noteStored(_:)`` back.
    func noteNotStored(_ blob: Digest) async {
        await writing("a blob") { try await self.metadata.forget(blob: blob) }
    }

    /// Writes down that the store turned out not to hold a blob.
    func noteMissing(_ blob: Digest) {
        metrics.healedBlobs.increment()
        writer.enqueue {
            await self.writing("a lost blob") { try await self.metadata.forget(blob: blob) }
        }
    }

    // MARK: Absences

    /// Until when "no such manifest" is the answer.
    func absence(of reference: ManifestReference, in repository: RepositoryKey) async throws -> Timestamp? {
        let key = ReferenceKey(repository: repository, reference: reference)
        if let expiry = memory.withLock({ $0.absences.value(for: key) }) { return expiry }
        return try await metadata.absence(of: reference, in: repository)
    }

    func noteAbsence(of reference: ManifestReference, in repository: RepositoryKey, until expiry: Timestamp) {
        memory.withLock {
            $0.absences.insert(expiry, for: ReferenceKey(repository: repository, reference: reference))
        }
        writer.enqueue {
            await self.writing("an absence") {
                try await self.metadata.putAbsence(of: reference, in: repository, until: expiry)
            }
        }
    }

    // MARK: Removal

    /// Forgets an image that was removed from the database.
    func forget(_ repository: RepositoryKey, digests: [Digest], tags: [Tag], blobs: [Digest]) async {
        memory.withLock { $0.forget(repository, digests: digests, tags: tags, blobs: blobs) }
        await writing("a removal") {
            for tag in tags { try await self.journal.forget(tag: tag, in: repository) }
            for digest in digests { try await self.journal.forget(manifest: digest, in: repository) }
            self.contentChanged()
        }
    }

    @discardableResult
    private func writing(_ what: String, _ write: () async throws -> Void) async -> Bool {
        do {
            try await write()
            return true
        } catch {
            metrics.writesFailed.increment()
            logger.error("the catalogue could not be written", metadata: ["what": "\(what)", "reason": "\(error)"])
            return false
        }
    }
}
