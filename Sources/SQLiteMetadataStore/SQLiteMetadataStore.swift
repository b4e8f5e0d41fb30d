internal import Foundation
internal import GRDB
package import Logging
package import MetadataStore
internal import Synchronization

/// The catalogue in one SQLite file, in write-ahead-log mode.
///
/// Readers never wait for the writer. Losing the machine's power may lose the last transactions, never the file
/// (`synchronous = NORMAL`): what they said is asked of the upstream again.
package final class SQLiteMetadataStore: Sendable {
    /// Absences that are remembered at most.
    package static let absenceLimitDefault = 65_536

    private struct Connections {
        var reader: any DatabaseReader
        /// Nil where the file could only be opened for reading.
        var writer: (any DatabaseWriter)?
        var isClosed = false
        var lastAttempt = ContinuousClock.now
    }

    /// How long after a failed attempt the file is tried again for writing.
    package static let reopeningIntervalDefault = Duration.seconds(10)

    private let path: String
    private let connections: Mutex<Connections>
    private let logger: Logger
    private let reopeningInterval: Duration
    let absenceLimit: Int

    /// Opens the database, creating and migrating it as needed.
    ///
    /// Where it is there but cannot be written to (a full or read-only file system), it is opened for reading; writes
    /// throw ``MetadataStoreError/notWritable`` until one finds, some seconds later, that it can be.
    /// - Throws: ``MetadataStoreError/corrupt``, ``MetadataStoreError/newerSchema``, and
    ///   ``MetadataStoreError/notWritable`` where there is no database and none can be made.
    package static func open(
        path: String, absenceLimit: Int = absenceLimitDefault,
        reopeningInterval: Duration = reopeningIntervalDefault, logger: Logger
    ) async throws(MetadataStoreError) -> SQLiteMetadataStore {
        let connections = try await blocking { () throws(MetadataStoreError) in
            do throws(MetadataStoreError) {
                let writer = try CatalogueFile(path: path).writable()
                return Connections(reader: writer, writer: writer)
            } catch {
                guard error == .notWritable else { throw error }
                return Connections(reader: try CatalogueFile(path: path).readable(), writer: nil)
            }
        }
        if connections.writer == nil {
            logger.warning(
                "the catalogue cannot be written to and was opened for reading", metadata: ["path": "\(path)"])
        }
        return SQLiteMetadataStore(
            path: path, connections: connections, absenceLimit: absenceLimit,
            reopeningInterval: reopeningInterval, logger: logger)
    }

    private init(
        path: String, connections: Connections, absenceLimit: Int, reopeningInterval: Duration, logger: Logger
    ) {
        self.path = path
        self.connections = Mutex(connections)
        self.absenceLimit = absenceLimit
        self.reopeningInterval = reopeningInterval
        self.logger = logger
    }

    /// Gives back pages of the file that connections have kept, up to 8 MiB, as soon as they are not in use. They come
    /// from the system's page cache when they are wanted again.
    package func releaseMemory() {
        (connections.withLock { $0.reader } as? DatabasePool)?.releaseMemoryEventually()
    }

    /// Closes the file; whatever is asked afterwards fails.
    package func close() async throws(MetadataStoreError) {
        let reader = connections.withLock { connections in
            connections.isClosed = true
            return connections.reader
        }
        try await Self.blocking { () throws(MetadataStoreError) in
            try translated {
                // The last connection to close writes the log into the file and removes it; a reading one cannot.
                (reader as? DatabasePool)?.invalidateReadOnlyConnections()
                try reader.close()
            }.get()
        }
    }

    /// Opening may wait for the disk, and for a log to be played back; closing for it to be written into the file.
    private static func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () throws(MetadataStoreError) -> Value
    ) async throws(MetadataStoreError) -> Value {
        let result: Result<Value, MetadataStoreError> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: Result(catching: body)) }
        }
        return try result.get()
    }

    /// The connection to write with; opens it where that failed before and some time has passed.
    private func writer() async throws(MetadataStoreError) -> any DatabaseWriter {
        let (writer, isDue) = connections.withLock { [reopeningInterval] connections -> ((any DatabaseWriter)?, Bool) in
            if let writer = connections.writer { return (writer, false) }
            let now = ContinuousClock.now
            guard !connections.isClosed, now - connections.lastAttempt >= reopeningInterval else {
                return (nil, false)
            }
            connections.lastAttempt = now
            return (nil, true)
        }
        if let writer { return writer }
        guard isDue else { throw .notWritable }
        let opened = try await Self.blocking { [path] () throws(MetadataStoreError) in
            try CatalogueFile(path: path).writable()
        }
        connections.withLock { connections in
            guard !connections.isClosed else { return }
            // Reads that are under way end on the old connection, which closes with its last reference.
            connections.reader = opened
            connections.writer = opened
        }
        logger.notice("the catalogue can be written to again", metadata: ["path": "\(path)"])
        return opened
    }

    // MARK: Transactions

    /// Runs `body` on a reading connection, in one transaction. Cancellation is not looked at: reads are short.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Catalogue) throws -> Value
    ) async throws(MetadataStoreError) -> Value {
        let reader = connections.withLock { $0.reader }
        let result: Result<Value, MetadataStoreError> = await withUnsafeContinuation { continuation in
            reader.asyncRead { connection in
                continuation.resume(returning: translated { try body(Catalogue(db: connection.get())) })
            }
        }
        return try result.get()
    }

    /// Runs `body` on the writing connection, in one transaction, which goes to its end also when its task is
    /// cancelled.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (Catalogue) throws -> Value
    ) async throws(MetadataStoreError) -> Value {
        let writer = try await writer()
        let result: Result<Value, MetadataStoreError> = await withUnsafeContinuation { continuation in
            writer.asyncWrite(
                { db in try body(Catalogue(db: db)) },
                completion: { _, result in continuation.resume(returning: translated { try result.get() }) })
        }
        return try result.get()
    }
}
