internal import Foundation
internal import GRDB
internal import MetadataStore
internal import OCI
internal import Rules

// Keeping within the disk.
extension Catalogue {
    func images(limit: Int, isNewestFirst: Bool = false) throws -> [ImageRecord] {
        guard limit > 0 else { return [] }
        let order = isNewestFirst ? "used_at DESC, manifest.id DESC" : "used_at, manifest.id"
        let candidates = try Row.fetchCursor(
            db.cachedStatement(
                sql: """
                    SELECT manifest.id, manifest.repository_id, rule, name, digest, media_type, used_at, pull_count
                    FROM manifest INDEXED BY manifest_image CROSS JOIN repository ON repository.id = repository_id
                    WHERE parent_count = 0 ORDER BY \(order)
                    """))
        var images: [ImageRecord] = []
        while images.count < limit, let row = try candidates.next() {
            let image = try image(row)
            if !image.stored.isEmpty { images.append(image) }
        }
        return images
    }

    func image(_ reference: ManifestReference, in repository: RepositoryKey) throws -> ImageRecord? {
        guard let id = try find(repository), let digest = try digest(of: reference, in: id) else { return nil }
        return try row(
            """
            SELECT manifest.id, manifest.repository_id, rule, name, digest, media_type, used_at, pull_count
            FROM manifest CROSS JOIN repository ON repository.id = repository_id
            WHERE repository_id = ? AND digest = ?
            """, [id, digest]
        ).map { try image($0) }
    }

    private func digest(of reference: ManifestReference, in repository: Int64) throws -> Data? {
        switch reference {
        case .digest(let digest): digest.stored
        case .tag(let tag):
            try row("SELECT digest FROM tag WHERE repository_id = ? AND tag = ?", [repository, tag.description])
                .flatMap { Data.fromDatabaseValue($0.value(0)) }
        }
    }

    private func image(_ row: Row) throws -> ImageRecord {
        let repositoryID = try row.integer(1)
        let repository = try RepositoryKey(storedRule: row.text(2), name: row.text(3))
        let digest = try row.digest(4)
        let members = try members(of: digest, in: repositoryID)
        let tags = try rows(
            "SELECT tag FROM tag WHERE repository_id = ? AND digest = ? ORDER BY tag", [repositoryID, digest.stored]
        ).map { try Tag(stored: $0.text(0)) }
        let stored = members.compactMap { member in member.storedBytes.map { (member.digest, $0) } }
        return ImageRecord(
            repository: repository, digest: digest, tags: tags, mediaType: try row.mediaType(5),
            lastPulledAt: try row.timestamp(6), pullCount: Int(try row.integer(7)),
            isPinned: try isNamed(
                by: "SELECT reference FROM pin WHERE rule = ? AND name = ?", members, in: repository, repositoryID),
            isLeased: try isNamed(
                by: "SELECT DISTINCT reference FROM lease WHERE rule = ? AND name = ?", members, in: repository,
                repositoryID),
            stored: Dictionary(stored, uniquingKeysWith: { first, _ in first }))
    }

    /// Something that belongs to an image: a manifest or a blob.
    private struct Member {
        let digest: Digest
        let isManifest: Bool
        /// Nil where it is not stored.
        let storedBytes: Int64?
    }

    /// A manifest, everything below it, and the blobs that they name. Each once, in order of digest.
    private func members(of digest: Digest, in repository: Int64) throws -> [Member] {
        try rows(
            """
            WITH RECURSIVE member (digest, is_manifest) AS (
                SELECT ?2, 1
                UNION
                SELECT edge.digest, edge.role = 2 FROM member
                CROSS JOIN manifest ON manifest.repository_id = ?1 AND manifest.digest = member.digest
                CROSS JOIN edge ON edge.manifest_id = manifest.id
                WHERE member.is_manifest
            )
            SELECT member.digest, max(member.is_manifest), blob.size FROM member
            LEFT JOIN blob ON blob.digest = member.digest
            GROUP BY member.digest ORDER BY member.digest
            """, [repository, digest.stored]
        ).map { row in
            Member(
                digest: try row.digest(0), isManifest: try row.integer(1) == 1, storedBytes: row.optionalInteger(2))
        }
    }

    /// Whether a pin or lease keeps any of an image's manifests: removing the image would remove that one too.
    /// - Parameter query: for the references of a repository that are kept.
    private func isNamed(
        by query: String, _ members: [Member], in repository: RepositoryKey, _ id: Int64
    ) throws -> Bool {
        let references = try rows(query, [repository.rule.description, repository.name.description])
        if references.isEmpty { return false }
        let manifests = Set(members.filter(\.isManifest).map(\.digest))
        return try references.contains { row in
            let reference = try ManifestReference(stored: row.value(0))
            guard let digest = try digest(of: reference, in: id) else { return false }
            return manifests.contains(try Digest(stored: digest))
        }
    }

    // MARK: Removing

    func removeImage(_ digest: Digest, in repository: RepositoryKey) throws -> [Digest] {
        guard let id = try find(repository) else { return [] }
        var removed: [Digest] = []
        var waiting = [digest]
        while let digest = waiting.popLast() {
            let isRoot = removed.isEmpty && waiting.isEmpty
            guard
                let manifest = try row(
                    """
                    SELECT id, parent_count > 0 OR EXISTS (SELECT 1 FROM tag WHERE repository_id = ?1 AND digest = ?2)
                    FROM manifest WHERE repository_id = ?1 AND digest = ?2
                    """, [id, digest.stored])
            else {
                if isRoot { try removeTags(naming: digest, in: id) }
                continue
            }
            let isKept = try manifest.integer(1) != 0
            if isKept, !isRoot { continue }
            let children = try rows(
                "SELECT DISTINCT digest FROM edge WHERE manifest_id = ? AND role = 2 ORDER BY digest DESC",
                [manifest.value(0)])
            if isRoot { try removeTags(naming: digest, in: id) }
            try change("DELETE FROM manifest WHERE id = ?", [manifest.value(0)])
            removed.append(digest)
            for child in children { waiting.append(try child.digest(0)) }
        }
        try prune(repositories: [id])
        return removed
    }

    func removeManifest(_ digest: Digest, in repository: RepositoryKey) throws {
        guard let id = try find(repository) else { return }
        try removeTags(naming: digest, in: id)
        try change("DELETE FROM manifest WHERE repository_id = ? AND digest = ?", [id, digest.stored])
        try prune(repositories: [id])
    }

    private func removeTags(naming digest: Digest, in repository: Int64) throws {
        try change("DELETE FROM tag WHERE repository_id = ? AND digest = ?", [repository, digest.stored])
    }

    // MARK: Blobs

    func unreferencedBlobs(usedBefore moment: Int64, limit: Int) throws -> [BlobRecord] {
        try rows(
            """
            SELECT digest, size, stored_at, used_at FROM blob INDEXED BY blob_unreferenced
            WHERE reference_count = 0 AND used_at < ? ORDER BY used_at, digest LIMIT ?
            """, [moment, max(limit, 0)]
        ).map { try blob($0) }
    }

    func isUnreferenced(blob: Digest) throws -> Bool {
        try row("SELECT 1 FROM blob WHERE digest = ? AND reference_count = 0", [blob.stored]) != nil
    }

    func removeUnreferenced(blob: Digest) throws -> Bool {
        try change("DELETE FROM blob WHERE digest = ? AND reference_count = 0", [blob.stored]) > 0
    }

    func forget(blob: Digest) throws {
        try change("DELETE FROM blob WHERE digest = ?", [blob.stored])
    }

    func blob(_ row: Row) throws -> BlobRecord {
        BlobRecord(
            digest: try row.digest(0), size: try row.integer(1), storedAt: try row.timestamp(2),
            usedAt: try row.timestamp(3))
    }

    // MARK: Pins

    func setPin(_ isPinned: Bool, on reference: ManifestReference, in repository: RepositoryKey) throws {
        try change(
            isPinned
                ? "INSERT INTO pin (rule, name, reference) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
                : "DELETE FROM pin WHERE rule = ? AND name = ? AND reference = ?",
            [repository.rule.description, repository.name.description, reference.stored])
    }

    func pins() throws -> [PinRecord] {
        try rows("SELECT rule, name, reference FROM pin ORDER BY rule, name, reference").map { row in
            PinRecord(
                repository: try RepositoryKey(storedRule: row.text(0), name: row.text(1)),
                reference: try ManifestReference(stored: row.value(2)))
        }
    }
}
