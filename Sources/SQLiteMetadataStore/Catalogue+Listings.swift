internal import GRDB
internal import MetadataStore
internal import OCI
internal import Rules

extension Catalogue {
    func tags(in repository: RepositoryKey, after last: Tag?, limit: Int) throws -> [Tag] {
        guard let id = try find(repository) else { return [] }
        return try rows(
            "SELECT tag FROM tag WHERE repository_id = ? AND tag > ? ORDER BY tag LIMIT ?",
            [id, last?.description ?? "", max(limit, 0)]
        ).map { try Tag(stored: $0.text(0)) }
    }

    func repositories(after last: RepositoryKey?, limit: Int) throws -> [RepositoryKey] {
        try rows(
            """
            SELECT rule, name FROM repository WHERE (rule, name) > (?, ?)
                AND (EXISTS (SELECT 1 FROM manifest WHERE repository_id = repository.id)
                    OR EXISTS (SELECT 1 FROM tag WHERE repository_id = repository.id))
            ORDER BY rule, name LIMIT ?
            """, [last?.rule.description ?? "", last?.name.description ?? "", max(limit, 0)]
        ).map { try RepositoryKey(storedRule: $0.text(0), name: $0.text(1)) }
    }

    func referrers(of subject: Digest, in repository: RepositoryKey) throws -> [Descriptor] {
        guard let id = try find(repository) else { return [] }
        return try rows(
            """
            SELECT digest, media_type, size, artifact_type, annotations FROM manifest
            WHERE repository_id = ? AND subject = ? ORDER BY digest
            """, [id, subject.stored]
        ).map { row in
            guard let mediaType = try row.mediaType(1) else { throw MalformedRow() }
            return Descriptor(
                mediaType: mediaType, digest: try row.digest(0), size: max(row.optionalInteger(2) ?? 0, 0),
                artifactType: String.fromDatabaseValue(row.value(3)),
                annotations: try Self.decodeAnnotations(row.text(4)))
        }
    }

    func statistics() throws -> CatalogueStatistics {
        let repositories = try row(
            """
            SELECT count(*) FROM repository
            WHERE EXISTS (SELECT 1 FROM manifest WHERE repository_id = repository.id)
                OR EXISTS (SELECT 1 FROM tag WHERE repository_id = repository.id)
            """)
        guard let repositories, let total = try row("SELECT tags, manifests, blobs, stored_bytes FROM total") else {
            throw MalformedRow()
        }
        return CatalogueStatistics(
            repositories: Int(try repositories.integer(0)), tags: Int(try total.integer(0)),
            manifests: Int(try total.integer(1)), blobs: Int(try total.integer(2)),
            storedBytes: try total.integer(3))
    }
}
