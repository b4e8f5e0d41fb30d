internal import Foundation
internal import GRDB
internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping

// What pulls read and write.
extension Catalogue {
    // MARK: Tags

    func tag(_ tag: Tag, in repository: RepositoryKey) throws -> TagRecord? {
        guard let id = try find(repository),
            let row = try row(
                "SELECT digest, media_type, size, checked_at FROM tag WHERE repository_id = ? AND tag = ?",
                [id, tag.description])
        else { return nil }
        return TagRecord(
            repository: repository, tag: tag, digest: try row.digest(0), mediaType: try row.mediaType(1),
            size: row.optionalInteger(2), checkedAt: try row.timestamp(3))
    }

    func put(_ record: TagRecord) throws {
        try change(
            """
            INSERT INTO tag (repository_id, tag, digest, media_type, size, checked_at) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET digest = excluded.digest, media_type = excluded.media_type,
                size = excluded.size, checked_at = excluded.checked_at
            """,
            [
                findOrAdd(record.repository), record.tag.description, record.digest.stored, record.mediaType?.stored,
                record.size, record.checkedAt.milliseconds,
            ])
    }

    // MARK: Manifests

    func manifest(_ digest: Digest, in repository: RepositoryKey) throws -> ManifestRecord? {
        guard let id = try find(repository) else { return nil }
        if let row = try row(
            "SELECT media_type, size, fetched_at FROM manifest WHERE repository_id = ? AND digest = ?",
            [id, digest.stored])
        {
            return ManifestRecord(
                repository: repository, digest: digest, mediaType: try row.mediaType(0), size: row.optionalInteger(1),
                fetchedAt: row.optionalInteger(2).map { Timestamp(milliseconds: $0) })
        }
        let isNamed = try row(
            """
            SELECT 1 WHERE EXISTS (SELECT 1 FROM tag WHERE repository_id = ?1 AND digest = ?2)
                OR EXISTS (SELECT 1 FROM edge WHERE digest = ?2 AND repository_id = ?1 AND role = 2)
            """, [id, digest.stored])
        guard isNamed != nil else { return nil }
        return ManifestRecord(repository: repository, digest: digest, mediaType: nil, size: nil, fetchedAt: nil)
    }

    func put(_ record: ManifestRecord, contents: Manifest) throws {
        let repository = try findOrAdd(record.repository)
        let digest = record.digest.stored
        let moment = record.fetchedAt?.milliseconds
        let listed = contents.subject.map { _ in contents.referrerDescriptor(digest: record.digest, size: 0) }
        try change(
            """
            INSERT INTO manifest (repository_id, digest, media_type, size, fetched_at, used_at, subject,
                artifact_type, annotations)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET media_type = excluded.media_type, size = excluded.size,
                fetched_at = excluded.fetched_at, subject = excluded.subject,
                artifact_type = excluded.artifact_type, annotations = excluded.annotations
            """,
            [
                repository, digest, (record.mediaType ?? contents.mediaType).stored, record.size, moment, moment ?? 0,
                contents.subject?.digest.stored, listed?.artifactType, listed.map { try Self.encode($0.annotations) },
            ])
        guard
            let id = try row("SELECT id FROM manifest WHERE repository_id = ? AND digest = ?", [repository, digest])?
                .integer(0)
        else { throw MalformedRow() }
        try put(edges: Self.edges(of: contents), of: id, in: repository)
        // Its children may have been pulled by digest before it came.
        let usedAt = try row(
            """
            SELECT max(used_at, coalesce((
                SELECT max(child.used_at) FROM edge
                CROSS JOIN manifest AS child ON child.repository_id = ?2 AND child.digest = edge.digest
                WHERE edge.manifest_id = ?1 AND edge.role = 2
            ), 0)) FROM manifest WHERE id = ?1
            """, [id, repository])?.integer(0)
        try use(digest: digest, in: repository, at: max(usedAt ?? 0, moment ?? 0), pullCount: 0)
        if let size = record.size {
            let moment = Timestamp(milliseconds: moment ?? 0)
            try put(BlobRecord(digest: record.digest, size: size, storedAt: moment, usedAt: moment))
        }
    }

    private struct Edge: Equatable {
        var role: Int64
        var descriptor: Descriptor
    }

    private static func edges(of contents: Manifest) -> [Edge] {
        (contents.config.map { [Edge(role: 0, descriptor: $0)] } ?? [])
            + contents.layers.map { Edge(role: 1, descriptor: $0) }
            + contents.manifests.map { Edge(role: 2, descriptor: $0) }
    }

    private func put(edges: [Edge], of id: Int64, in repository: Int64) throws {
        let present = try rows(
            "SELECT role, digest, size, media_type FROM edge WHERE manifest_id = ? ORDER BY position", [id])
        // The same bytes name the same things: what is there already is left alone, and nothing is counted twice.
        let isSame =
            try present.count == edges.count
            && zip(present, edges).allSatisfy { row, edge in
                try row.integer(0) == edge.role && row.digest(1) == edge.descriptor.digest
                    && row.integer(2) == edge.descriptor.size && row.mediaType(3) == edge.descriptor.mediaType
            }
        if isSame { return }
        try change("DELETE FROM edge WHERE manifest_id = ?", [id])
        for (position, edge) in edges.enumerated() {
            try change(
                """
                INSERT INTO edge (manifest_id, position, repository_id, role, digest, size, media_type)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    id, position, repository, edge.role, edge.descriptor.digest.stored, edge.descriptor.size,
                    edge.descriptor.mediaType.stored,
                ])
        }
    }

    /// Moves the last use of a manifest, and of every index above it, up to `moment`.
    private func use(digest: Data, in repository: Int64, at moment: Int64, pullCount: Int) throws {
        try change(
            """
            UPDATE manifest SET used_at = max(used_at, ?3), pull_count = pull_count + ?4 WHERE id IN (
                WITH RECURSIVE above (id, digest) AS (
                    SELECT (SELECT id FROM manifest WHERE repository_id = ?1 AND digest = ?2), ?2
                    UNION
                    SELECT parent.id, parent.digest FROM above
                    CROSS JOIN edge ON edge.digest = above.digest AND edge.repository_id = ?1 AND edge.role = 2
                    CROSS JOIN manifest AS parent ON parent.id = edge.manifest_id
                )
                SELECT id FROM above
            )
            """, [repository, digest, moment, pullCount])
    }

    func record(_ pull: PullRecord) throws {
        let moment = pull.lastPulledAt.milliseconds
        if pull.content == .manifest, let repository = try find(pull.repository) {
            try use(digest: pull.digest.stored, in: repository, at: moment, pullCount: pull.count)
        }
        try change(
            "UPDATE blob SET used_at = ?2 WHERE digest = ?1 AND used_at < ?2", [pull.digest.stored, moment])
    }

    // MARK: Blobs

    func membership(of blob: Digest, in repository: RepositoryKey) throws -> BlobMembership? {
        guard let id = try find(repository) else { return nil }
        let digest = blob.stored
        let edge = try row(
            """
            SELECT size, media_type FROM edge WHERE digest = ? AND repository_id = ? AND role < 2
            ORDER BY role DESC, manifest_id DESC LIMIT 1
            """, [digest, id])
        let confirmation = try row(
            "SELECT size FROM confirmation WHERE repository_id = ? AND digest = ?", [id, digest])
        guard edge != nil || confirmation != nil else { return nil }
        // What was counted goes before what the upstream said, and that before what a manifest claims.
        let stored = try row("SELECT size FROM blob WHERE digest = ?", [digest])
        guard let size = try (stored ?? confirmation ?? edge)?.integer(0) else { return nil }
        return BlobMembership(size: size, mediaType: try edge?.mediaType(1))
    }

    /// Confirmations are asked for again after this time, so that they do not grow without end. Rare: nearly every
    /// blob is named by a manifest.
    static let confirmationLifetime = Duration.seconds(30 * 86400)

    func confirm(blob: Digest, size: Int64, in repository: RepositoryKey, at moment: Timestamp) throws {
        try change(
            """
            INSERT INTO confirmation (repository_id, digest, size, confirmed_at) VALUES (?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET size = excluded.size, confirmed_at = excluded.confirmed_at
            """, [findOrAdd(repository), blob.stored, size, moment.milliseconds])
        let old = try rows(
            """
            SELECT repository_id, digest FROM confirmation WHERE confirmed_at < ? ORDER BY confirmed_at LIMIT 64
            """, [(moment - Self.confirmationLifetime).milliseconds])
        for row in old {
            try change(
                "DELETE FROM confirmation WHERE repository_id = ? AND digest = ?", [row.value(0), row.value(1)])
        }
        try prune(repositories: Set(old.map { row in try row.integer(0) }))
    }

    func put(_ blob: BlobRecord) throws {
        try change(
            """
            INSERT INTO blob (digest, size, stored_at, used_at) VALUES (?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET size = excluded.size, stored_at = excluded.stored_at,
                used_at = max(used_at, excluded.used_at)
            """, [blob.digest.stored, blob.size, blob.storedAt.milliseconds, blob.usedAt.milliseconds])
    }

    // MARK: Absences

    func absence(of reference: ManifestReference, in repository: RepositoryKey) throws -> Timestamp? {
        try row(
            "SELECT expires_at FROM absence WHERE rule = ? AND name = ? AND reference = ?",
            [repository.rule.description, repository.name.description, reference.stored]
        )?.timestamp(0)
    }

    func putAbsence(
        of reference: ManifestReference, in repository: RepositoryKey, until expiry: Timestamp?, limit: Int
    ) throws {
        let key: StatementArguments = [
            repository.rule.description, repository.name.description, reference.stored,
        ]
        guard let expiry else {
            try change("DELETE FROM absence WHERE rule = ? AND name = ? AND reference = ?", key)
            return
        }
        try change(
            """
            INSERT INTO absence (rule, name, reference, expires_at) VALUES (?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET expires_at = excluded.expires_at
            """, key + [expiry.milliseconds])
        let count = try row("SELECT absences FROM total")?.integer(0) ?? 0
        guard count > limit else { return }
        // Without a clock of its own the store lets those go that end first. More than one, so that this is rare.
        try change(
            """
            DELETE FROM absence WHERE (rule, name, reference) IN (
                SELECT rule, name, reference FROM absence ORDER BY expires_at LIMIT ?
            )
            """, [Int(count) - limit + limit / 16])
    }

    // MARK: Annotations

    static func encode(_ annotations: [String: String]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(annotations), as: UTF8.self)
    }

    static func decodeAnnotations(_ text: String) throws(MalformedRow) -> [String: String] {
        do {
            return try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
        } catch {
            throw MalformedRow()
        }
    }
}
