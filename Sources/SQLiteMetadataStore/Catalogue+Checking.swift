internal import Foundation
internal import GRDB
internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping

extension Catalogue {
    func blobs(after last: Digest?, limit: Int) throws -> [BlobRecord] {
        try rows(
            "SELECT digest, size, stored_at, used_at FROM blob WHERE digest > ? ORDER BY digest LIMIT ?",
            [last?.stored ?? Data(), max(limit, 0)]
        ).map { try blob($0) }
    }

    func manifests(in repository: RepositoryKey, after last: Digest?, limit: Int) throws -> [ManifestRecord] {
        guard let id = try find(repository) else { return [] }
        return try rows(
            """
            SELECT digest, media_type, size, fetched_at FROM manifest
            WHERE repository_id = ? AND digest > ? ORDER BY digest LIMIT ?
            """, [id, last?.stored ?? Data(), max(limit, 0)]
        ).map { row in
            ManifestRecord(
                repository: repository, digest: try row.digest(0), mediaType: try row.mediaType(1),
                size: row.optionalInteger(2), fetchedAt: row.optionalInteger(3).map { Timestamp(milliseconds: $0) })
        }
    }

    func manifestsWithoutBlob(limit: Int) throws -> [(RepositoryKey, Digest)] {
        try rows(
            """
            SELECT rule, name, digest FROM manifest CROSS JOIN repository ON repository.id = repository_id
            WHERE NOT EXISTS (SELECT 1 FROM blob WHERE blob.digest = manifest.digest)
            ORDER BY manifest.id LIMIT ?
            """, [max(limit, 0)]
        ).map { (try RepositoryKey(storedRule: $0.text(0), name: $0.text(1)), try $0.digest(2)) }
    }

    /// No more problems than this are told.
    private static let problemLimit = 100

    func integrityProblems() throws -> [String] {
        var problems: [String] = []
        for row in try rows("PRAGMA integrity_check(\(Self.problemLimit))") {
            let text = try row.text(0)
            if text != "ok" { problems.append(text) }
        }
        for row in try rows("PRAGMA foreign_key_check").prefix(Self.problemLimit) {
            problems.append("a row of \(try row.text(0)) belongs to a row of \(try row.text(2)) that is not there")
        }
        for check in Self.countChecks {
            guard let count = try row(check.sql)?.integer(0), count > 0 else { continue }
            problems.append("\(check.subject) is wrong in \(count) row\(count == 1 ? "" : "s")")
        }
        return Array(problems.prefix(Self.problemLimit))
    }

    /// What the triggers keep, counted anew.
    private static let countChecks: [(subject: String, sql: String)] = [
        (
            "the number of references to a blob",
            """
            SELECT count(*) FROM blob WHERE reference_count !=
                (SELECT count(*) FROM edge WHERE edge.digest = blob.digest)
                + (SELECT count(*) FROM manifest WHERE manifest.digest = blob.digest)
            """
        ),
        (
            "the number of indexes above a manifest",
            """
            SELECT count(*) FROM manifest WHERE parent_count != (
                SELECT count(*) FROM edge WHERE edge.digest = manifest.digest
                    AND edge.repository_id = manifest.repository_id AND edge.role = 2
            )
            """
        ),
        (
            "the repository of a manifest's edge",
            """
            SELECT count(*) FROM edge CROSS JOIN manifest ON manifest.id = edge.manifest_id
            WHERE edge.repository_id != manifest.repository_id
            """
        ),
        (
            "the totals",
            """
            SELECT count(*) FROM total WHERE tags != (SELECT count(*) FROM tag)
                OR manifests != (SELECT count(*) FROM manifest)
                OR (blobs, stored_bytes) != (SELECT count(*), coalesce(sum(size), 0) FROM blob)
                OR absences != (SELECT count(*) FROM absence)
            """
        ),
    ]
}
