import BlobStore
import FilesystemBlobStore
import Foundation
import Logging
import OCI
import TestMachine
import Testing

/// Runs `body` with a store in an empty folder, and with that folder's path.
@discardableResult
func withStore<Value>(
    threadCount: Int = 4, _ body: (FilesystemBlobStore, String) async throws -> Value
) async throws -> Value {
    try await withTemporaryFolder { path in
        try await withStore(at: path, threadCount: threadCount) { store in try await body(store, path) }
    }
}

/// Runs `body` with the store in `path`, closed afterwards.
@discardableResult
func withStore<Value>(
    at path: String, threadCount: Int = 4, _ body: (FilesystemBlobStore) async throws -> Value
) async throws -> Value {
    let store = try await FilesystemBlobStore.open(directory: path, threadCount: threadCount, logger: quiet)
    do {
        let value = try await body(store)
        await store.close()
        return value
    } catch {
        await store.close()
        throw error
    }
}

/// What a test expects to be warned of need not be printed.
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Where the layout puts a blob.
func file(of digest: Digest, in path: String) -> String {
    "\(path)/blobs/\(digest.algorithm.rawValue)/\(digest.hex.prefix(2))/\(digest.hex)"
}

func names(in path: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }

func status(of path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
}

/// Writes over a file in place, as a fault below the store would, and puts it under the permissions it had.
func overwrite(_ path: String, with bytes: [UInt8], at offset: Int = 0) throws {
    let descriptor = open(path, O_WRONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    try #require(pwrite(descriptor, bytes, bytes.count, off_t(offset)) == bytes.count)
}
