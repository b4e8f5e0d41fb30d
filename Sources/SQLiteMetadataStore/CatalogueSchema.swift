internal import GRDB

/// The tables, and the migrations that lead to them. A migration that was released is never changed.
///
/// Digests are stored as one byte for the algorithm and the bytes themselves: 33 in place of 71 for sha256, in tables
/// and indexes that are little else. SQLite orders them as ``Digest`` does.
enum CatalogueSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 first") { db in
            try db.execute(sql: tables)
            try db.execute(sql: referenceCounts)
            try db.execute(sql: totals)
        }
        migrator.registerMigration("2 spending") { try $0.execute(sql: Catalogue.spendTable) }
        migrator.registerMigration("leases") { db in try db.execute(sql: leases) }
        migrator.registerMigration("quotas") { db in try db.execute(sql: quotas) }
        migrator.registerMigration("namespaces of spending") { try $0.execute(sql: Catalogue.spendNamespaces) }
        return migrator
    }

    private static let tables = """
        -- Rows that hold nothing are removed.
        CREATE TABLE repository (
            id INTEGER PRIMARY KEY,
            rule TEXT NOT NULL,
            name TEXT NOT NULL,
            UNIQUE (rule, name)
        ) STRICT;

        -- Times are in milliseconds since 1970, sizes in bytes.
        -- media_type: a number for a common one (StoredMediaType), else its text.
        -- used_at: the latest of fetching and pulling, of this one or what it names as children, theirs included.
        -- parent_count: edges of this repository's indexes that name it; 0 makes it an image.
        -- artifact_type, annotations: as a list of referrers shows them; only where there is a subject.
        CREATE TABLE manifest (
            id INTEGER PRIMARY KEY,
            repository_id INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
            digest BLOB NOT NULL,
            media_type ANY NOT NULL,
            size INTEGER,
            fetched_at INTEGER,
            used_at INTEGER NOT NULL,
            pull_count INTEGER NOT NULL DEFAULT 0,
            parent_count INTEGER NOT NULL DEFAULT 0,
            subject BLOB,
            artifact_type TEXT,
            annotations TEXT,
            UNIQUE (repository_id, digest)
        ) STRICT;
        CREATE INDEX manifest_digest ON manifest (digest);
        CREATE INDEX manifest_subject ON manifest (repository_id, subject, digest) WHERE subject IS NOT NULL;
        CREATE INDEX manifest_image ON manifest (used_at, id) WHERE parent_count = 0;

        -- What a manifest names. role: 0 configuration, 1 layer, 2 child of an index.
        -- repository_id repeats the manifest's, so that one index answers for a repository and for all of them.
        CREATE TABLE edge (
            manifest_id INTEGER NOT NULL REFERENCES manifest (id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            repository_id INTEGER NOT NULL,
            role INTEGER NOT NULL CHECK (role IN (0, 1, 2)),
            digest BLOB NOT NULL,
            size INTEGER NOT NULL,
            media_type ANY NOT NULL,
            PRIMARY KEY (manifest_id, position)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX edge_digest ON edge (digest, repository_id, role, manifest_id);

        CREATE TABLE tag (
            repository_id INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
            tag TEXT NOT NULL,
            digest BLOB NOT NULL,
            media_type ANY,
            size INTEGER,
            checked_at INTEGER NOT NULL,
            PRIMARY KEY (repository_id, tag)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX tag_digest ON tag (repository_id, digest);

        -- What the blob store holds. reference_count: manifests of this digest, and edges that name it.
        CREATE TABLE blob (
            digest BLOB PRIMARY KEY,
            size INTEGER NOT NULL,
            stored_at INTEGER NOT NULL,
            used_at INTEGER NOT NULL,
            reference_count INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX blob_unreferenced ON blob (used_at, digest) WHERE reference_count = 0;

        -- Blobs that the upstream said a repository has.
        CREATE TABLE confirmation (
            repository_id INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
            digest BLOB NOT NULL,
            size INTEGER NOT NULL,
            confirmed_at INTEGER NOT NULL,
            PRIMARY KEY (repository_id, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX confirmation_age ON confirmation (confirmed_at);

        -- References are digests as elsewhere, or tags as text. These two outlive, or come without, a repository's row.
        CREATE TABLE absence (
            rule TEXT NOT NULL,
            name TEXT NOT NULL,
            reference ANY NOT NULL,
            expires_at INTEGER NOT NULL,
            PRIMARY KEY (rule, name, reference)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX absence_expiry ON absence (expires_at);
        CREATE TABLE pin (
            rule TEXT NOT NULL,
            name TEXT NOT NULL,
            reference ANY NOT NULL,
            PRIMARY KEY (rule, name, reference)
        ) STRICT, WITHOUT ROWID;
        """

    /// Like pins, and for a time; each holder's own.
    private static let leases = """
        CREATE TABLE lease (
            rule TEXT NOT NULL,
            name TEXT NOT NULL,
            reference ANY NOT NULL,
            holder TEXT NOT NULL,
            expires_at INTEGER NOT NULL,
            PRIMARY KEY (rule, name, reference, holder)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX lease_expiry ON lease (expires_at);
        """

    /// Accounts are called as the configuration calls them. quota_limit: NULL where there is none. window: in
    /// milliseconds.
    private static let quotas = """
        CREATE TABLE quota (
            rule TEXT NOT NULL,
            account TEXT NOT NULL,
            egress TEXT NOT NULL,
            source TEXT,
            quota_limit INTEGER,
            remaining INTEGER NOT NULL,
            window INTEGER,
            window_ends_at INTEGER,
            blocked_until INTEGER,
            observed_at INTEGER NOT NULL,
            PRIMARY KEY (rule, account, egress)
        ) STRICT, WITHOUT ROWID;
        """

    /// Kept by the database itself, so that no statement can forget them, cascades included.
    private static let referenceCounts = """
        CREATE TRIGGER edge_added AFTER INSERT ON edge BEGIN
            UPDATE blob SET reference_count = reference_count + 1 WHERE digest = NEW.digest;
            UPDATE manifest SET parent_count = parent_count + 1
                WHERE NEW.role = 2 AND repository_id = NEW.repository_id AND digest = NEW.digest;
        END;
        CREATE TRIGGER edge_removed AFTER DELETE ON edge BEGIN
            UPDATE blob SET reference_count = reference_count - 1 WHERE digest = OLD.digest;
            UPDATE manifest SET parent_count = parent_count - 1
                WHERE OLD.role = 2 AND repository_id = OLD.repository_id AND digest = OLD.digest;
        END;
        CREATE TRIGGER manifest_added AFTER INSERT ON manifest BEGIN
            UPDATE blob SET reference_count = reference_count + 1 WHERE digest = NEW.digest;
            UPDATE manifest SET parent_count = (
                SELECT count(*) FROM edge
                WHERE digest = NEW.digest AND repository_id = NEW.repository_id AND role = 2
            ) WHERE id = NEW.id;
        END;
        CREATE TRIGGER manifest_removed AFTER DELETE ON manifest BEGIN
            UPDATE blob SET reference_count = reference_count - 1 WHERE digest = OLD.digest;
        END;
        CREATE TRIGGER blob_added AFTER INSERT ON blob BEGIN
            UPDATE blob SET reference_count =
                (SELECT count(*) FROM edge WHERE digest = NEW.digest)
                + (SELECT count(*) FROM manifest WHERE digest = NEW.digest)
            WHERE digest = NEW.digest;
        END;
        """

    /// Counting rows reads them all, and the cache asks for these numbers often.
    private static let totals = """
        CREATE TABLE total (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            tags INTEGER NOT NULL DEFAULT 0,
            manifests INTEGER NOT NULL DEFAULT 0,
            blobs INTEGER NOT NULL DEFAULT 0,
            stored_bytes INTEGER NOT NULL DEFAULT 0,
            absences INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        INSERT INTO total (id) VALUES (1);
        CREATE TRIGGER total_tag_added AFTER INSERT ON tag BEGIN UPDATE total SET tags = tags + 1; END;
        CREATE TRIGGER total_tag_removed AFTER DELETE ON tag BEGIN UPDATE total SET tags = tags - 1; END;
        CREATE TRIGGER total_manifest_added AFTER INSERT ON manifest BEGIN
            UPDATE total SET manifests = manifests + 1;
        END;
        CREATE TRIGGER total_manifest_removed AFTER DELETE ON manifest BEGIN
            UPDATE total SET manifests = manifests - 1;
        END;
        CREATE TRIGGER total_blob_added AFTER INSERT ON blob BEGIN
            UPDATE total SET blobs = blobs + 1, stored_bytes = stored_bytes + NEW.size;
        END;
        CREATE TRIGGER total_blob_removed AFTER DELETE ON blob BEGIN
            UPDATE total SET blobs = blobs - 1, stored_bytes = stored_bytes - OLD.size;
        END;
        CREATE TRIGGER total_blob_resized AFTER UPDATE OF size ON blob BEGIN
            UPDATE total SET stored_bytes = stored_bytes + NEW.size - OLD.size;
        END;
        CREATE TRIGGER total_absence_added AFTER INSERT ON absence BEGIN
            UPDATE total SET absences = absences + 1;
        END;
        CREATE TRIGGER total_absence_removed AFTER DELETE ON absence BEGIN
            UPDATE total SET absences = absences - 1;
        END;
        """
}
