internal import Foundation
internal import GRDB
internal import MetadataStore

/// The database's file, and the ways to open it. Blocks.
struct CatalogueFile {
    let path: String

    func writable() throws(MetadataStoreError) -> any DatabaseWriter {
        try translated {
            let pool = try DatabasePool(path: path, configuration: Self.configuration)
            let migrator = CatalogueSchema.migrator
            if try pool.read(migrator.hasBeenSuperseded) { throw MetadataStoreError.newerSchema }
            try migrator.migrate(pool)
            // What a write would say is said now: a disk that is full or read-only does not show before.
            try pool.write { db in try db.execute(sql: "UPDATE total SET tags = tags") }
            return pool
        }.get()
    }

    func readable() throws(MetadataStoreError) -> any DatabaseReader {
        guard FileManager.default.fileExists(atPath: path) else { throw .notWritable }
        let opened = queue(path)
        if case .success(let queue) = opened { return queue }
        // A file in write-ahead-log mode needs files beside it even to be read; where they cannot be made it is read as
        // one that nobody changes. With a log that was left over that would be wrong.
        let log = try? FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int
        guard (log ?? 0) == 0 else { return try opened.get() }
        let escaped = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? path
        return try queue("file:\(escaped)?immutable=1").get()
    }

    private func queue(_ path: String) -> Result<DatabaseQueue, MetadataStoreError> {
        translated {
            var configuration = Self.configuration
            configuration.readonly = true
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            let migrator = CatalogueSchema.migrator
            try queue.read { db in
                if try migrator.hasBeenSuperseded(db) { throw MetadataStoreError.newerSchema }
                if try !migrator.hasCompletedMigrations(db) { throw MetadataStoreError.notWritable }
            }
            return queue
        }
    }

    private static var configuration: GRDB.Configuration {
        var configuration = GRDB.Configuration()
        configuration.label = "weir.catalogue"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(10)
        // A reader holds a connection for microseconds; more of them would only hold more memory.
        configuration.maximumReaderCount = 4
        configuration.persistentReadOnlyConnections = true
        configuration.prepareDatabase { db in
            // KiB of pages, for each connection; beyond it the system's page cache serves. A reader finds the upper levels
            // of every tree in a MiB, and leaves are hardly asked for twice; a writer holds what its transaction changed.
            try db.execute(sql: "PRAGMA cache_size = \(db.configuration.readonly ? -1024 : -4096)")
            guard !db.configuration.readonly else { return }
            // Content is no secret from who can read the file, and overwriting what is removed doubles the writes.
            try db.execute(sql: "PRAGMA secure_delete = OFF")
            // What a large transaction grew the log to is given back.
            try db.execute(sql: "PRAGMA journal_size_limit = 16777216")
        }
        return configuration
    }
}
