internal import BlobStore
internal import FilesystemBlobStore
internal import Logging
internal import MetadataStore
internal import PullThroughCache
internal import SQLiteMetadataStore
internal import Timekeeping

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Works on a store that no service has open.
struct StoreMaintenance: Sendable {
    private let configuration: ServiceConfiguration
    private let blobs: FilesystemBlobStore
    private let logger: Logger

    /// Takes the store.
    /// - Throws: ``CommandFailure`` where there is none, or another process has it.
    init(_ configuration: ServiceConfiguration, logger: Logger) async throws(CommandFailure) {
        let directory = configuration.storeDirectory
        guard access(directory, F_OK) == 0 else {
            throw CommandFailure(.notFound, "there is no store \(directory); name it as 'storage.directory'")
        }
        do throws(BlobStoreError) {
            blobs = try await FilesystemBlobStore.open(directory: directory, logger: logger)
        } catch .inUse(let process) {
            let holder = process.map { " (process \($0))" } ?? ""
            throw CommandFailure(
                .failure, "a running service\(holder) has the store \(directory); stop it first, then check the store")
        } catch {
            throw CommandFailure(.failure, "the store \(directory) cannot be used: \(error)")
        }
        self.configuration = configuration
        self.logger = logger
    }

    func close() async { await blobs.close() }

    /// Reads everything and compares it.
    func check(
        repairs: Bool, progress: @escaping @Sendable (CheckProgress) -> Void
    ) async throws -> CheckReport {
        let catalogue: SQLiteMetadataStore
        do throws(MetadataStoreError) {
            catalogue = try await SQLiteMetadataStore.open(path: configuration.cataloguePath, logger: logger)
        } catch {
            throw CommandFailure(.failure, "the catalogue \(configuration.cataloguePath) cannot be used: \(error)")
        }
        let result: Result<CheckReport, any Error>
        do {
            result = .success(try await checker(catalogue).check(repairs: repairs, progress: progress))
        } catch {
            result = .failure(error)
        }
        try await catalogue.close()
        return try result.get()
    }

    /// Makes the catalogue anew beside the old one, and puts it in its place when it is complete. The old one is kept as
    /// `catalogue.sqlite.old`; its pins are taken over where it can still be read.
    func rebuild(progress: @escaping @Sendable (CheckProgress) -> Void) async throws -> RebuildReport {
        let path = configuration.cataloguePath
        let newPath = "\(path).new"
        for file in Self.files(newPath) { unlink(file) }
        let pins = await pinsOfOldCatalogue()
        let catalogue = try await SQLiteMetadataStore.open(path: newPath, logger: logger)
        let result: Result<RebuildReport, any Error>
        do {
            let report = try await checker(catalogue).rebuild(into: catalogue, progress: progress)
            for pin in pins { try await catalogue.setPin(true, on: pin.reference, in: pin.repository) }
            result = .success(report)
        } catch {
            result = .failure(error)
        }
        try await catalogue.close()
        let report = try result.get()
        try replaceCatalogue(with: newPath)
        return report
    }

    private func checker(_ catalogue: any MetadataStore) -> StoreChecker {
        StoreChecker(blobs: blobs, journal: blobs.journal, metadata: catalogue, clock: SystemWallClock())
    }

    private func pinsOfOldCatalogue() async -> [PinRecord] {
        let path = configuration.cataloguePath
        guard access(path, F_OK) == 0 else { return [] }
        do {
            let old = try await SQLiteMetadataStore.open(path: path, logger: logger)
            let pins = try? await old.pins()
            try await old.close()
            return pins ?? []
        } catch {
            return []
        }
    }

    /// The old log goes away before the new file comes: SQLite would play it back into a file that it is not of.
    private func replaceCatalogue(with newPath: String) throws(CommandFailure) {
        let path = configuration.cataloguePath
        for (file, old) in zip(Self.files(path), Self.files("\(path).old")) {
            unlink(old)
            guard rename(file, old) == 0 || errno == ENOENT else { throw moveFailed(file) }
        }
        // What the new one's log still holds goes with it, and is there first; its index is made anew.
        guard rename("\(newPath)-wal", "\(path)-wal") == 0 || errno == ENOENT else {
            throw moveFailed("\(newPath)-wal")
        }
        unlink("\(newPath)-shm")
        guard rename(newPath, path) == 0 else { throw moveFailed(newPath) }
        syncDirectory(configuration.storeDirectory)
    }

    private func moveFailed(_ file: String) -> CommandFailure {
        CommandFailure(.failure, "\(file) cannot be moved (error \(errno))")
    }

    /// A database with its log and the log's index.
    private static func files(_ path: String) -> [String] { [path, "\(path)-wal", "\(path)-shm"] }
}

/// Has the names in a directory reach the disk. Where that cannot be had the names are there all the same, unless the
/// machine fails at this moment.
private func syncDirectory(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
}
