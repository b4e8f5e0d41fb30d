package import NIOCore
package import OCI

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Keeps bytes under their digest. What is in it was verified; what is being written is seen by nobody else.
///
/// Decision 0003 (docs/decisions/0003-store.md). Every conformer passes `BlobStoreConformance`. All functions may be
/// called concurrently, and none blocks the calling thread for input or output.
package protocol BlobStore: Sendable {
    /// Starts writing the blob `digest`, unseen until it is committed. Two ingests of one digest may run side by
    /// side; the later commit finds the blob there and is content.
    ///
    /// - Parameter expectedSize: in bytes, where known; an ingest that grows beyond it fails with
    ///   ``BlobStoreError/sizeMismatch(expected:actual:)``.
    /// - Throws: ``BlobStoreError/full`` or ``BlobStoreError/readOnly`` where nothing can be written now.
    func beginIngest(of digest: Digest, expectedSize: Int64?) async throws(BlobStoreError) -> any BlobIngest

    /// Opens a committed blob, or returns nil where there is none.
    ///
    /// A file that is found missing, truncated or altered is removed and counts as absent: a miss, which heals. The
    /// reader stays usable after the blob was removed.
    func open(_ digest: Digest) async throws(BlobStoreError) -> (any BlobReader)?

    /// Removes a blob and returns the bytes that this freed; 0 where there was none.
    @discardableResult
    func remove(_ digest: Digest) async throws(BlobStoreError) -> Int64

    /// Every committed blob, in no particular order. Blobs that come or go meanwhile may or may not be among them.
    func blobs() async throws(BlobStoreError) -> [StoredBlob]

    /// Reads a blob whole and compares it with its digest. Repairs nothing.
    func verify(_ digest: Digest) async throws(BlobStoreError) -> BlobCondition

    /// How much room there is.
    func capacity() async throws(BlobStoreError) -> StoreCapacity

    /// The same for a blob that was opened lately and is found untouched; nil says nothing. Never waits for a disk, so
    /// that an event loop may call it.
    func openAtHand(_ digest: Digest) -> (any BlobReader)?

    /// Where a task that writes an ingest best runs: what it asks of the ingest costs no change of threads there. Nil:
    /// anywhere.
    var writingExecutor: (any TaskExecutor)? { get }

    /// The whole of a small blob, as ``open(_:)`` and reading it would give it; nil also where it is larger than
    /// `limitBytes`.
    func read(_ digest: Digest, limitBytes: Int) async throws(BlobStoreError) -> ByteBuffer?
}

extension BlobStore {
    package func openAtHand(_ digest: Digest) -> (any BlobReader)? { nil }

    package var writingExecutor: (any TaskExecutor)? { nil }

    package func read(_ digest: Digest, limitBytes: Int) async throws(BlobStoreError) -> ByteBuffer? {
        guard let reader = try await open(digest), reader.size <= Int64(limitBytes) else { return nil }
        return try await reader.read(at: 0, length: Int(reader.size))
    }
}

/// A blob being written, in any order. Readers may follow what has arrived without a gap.
package protocol BlobIngest: AnyObject, Sendable {
    var digest: Digest { get }

    /// Reads what has been appended so far; stays usable after commit and after abandonment.
    var reader: any BlobReader { get }

    /// Writes `bytes` at `offset`, whatever has arrived before it; several may write at once, and over each other.
    /// - Returns: how many bytes from the start have arrived without a gap; they can be read through ``reader``.
    /// - Throws: ``BlobStoreError/full`` (what was written before stays readable),
    ///   ``BlobStoreError/sizeMismatch(expected:actual:)`` beyond the expected size.
    func write(_ bytes: ByteBuffer, at offset: Int64) async throws(BlobStoreError) -> Int64

    /// Compares everything written with the digest and the expected size, when nobody writes any longer. Nothing can
    /// be written afterwards.
    /// - Throws: ``BlobStoreError/digestMismatch(expected:actual:)`` or ``BlobStoreError/sizeMismatch(expected:actual:)``.
    func verify() async throws(BlobStoreError)

    /// Makes the blob visible and durable: returns after file and directory have reached the disk. Verifies first
    /// where ``verify()`` was not called.
    func commit() async throws(BlobStoreError)

    /// Gives the ingest up; its space is freed once no reader is left. Without effect after commit.
    func abandon() async
}

extension BlobIngest {
    /// Writes `bytes` after everything that has arrived without a gap.
    package func append(_ bytes: ByteBuffer) async throws(BlobStoreError) {
        _ = try await write(bytes, at: reader.size)
    }
}

/// Reads a blob at any offset. Releases what it holds when the last reference is gone.
package protocol BlobReader: AnyObject, Sendable {
    /// Bytes that can be read now: the whole blob, or what has arrived of an ingest without a gap.
    var size: Int64 { get }

    /// A descriptor to send from without copying, open for as long as the reader lives; nil where the content is no
    /// local file.
    var fileDescriptor: CInt? { get }

    /// Reads up to `length` bytes from `offset`; fewer only at the end.
    func read(at offset: Int64, length: Int) async throws(BlobStoreError) -> ByteBuffer

    /// Puts up to `length` bytes from `offset` in place of what is in `buffer`, if they are at hand; otherwise returns
    /// false. Never waits for a disk, so that an event loop may call it. May give fewer bytes than there are.
    func readAtHand(into buffer: inout ByteBuffer, at offset: Int64, length: Int) -> Bool
}

extension BlobReader {
    package func readAtHand(into buffer: inout ByteBuffer, at offset: Int64, length: Int) -> Bool { false }
}

/// A committed blob as a listing shows it.
package struct StoredBlob: Sendable, Hashable {
    package let digest: Digest
    /// In bytes.
    package let size: Int64

    package init(digest: Digest, size: Int64) {
        self.digest = digest
        self.size = size
    }
}

/// What reading a blob whole showed.
package enum BlobCondition: Sendable, Hashable {
    case sound(size: Int64)
    case missing
    case altered(actual: Digest)
}

/// The room that a store has, in bytes. Nil where the backend has no such bound.
package struct StoreCapacity: Sendable, Hashable {
    /// The size of the file system that the store is on.
    package let totalBytes: Int64?
    /// What may still be written there.
    package let availableBytes: Int64?

    package init(totalBytes: Int64?, availableBytes: Int64?) {
        self.totalBytes = totalBytes
        self.availableBytes = availableBytes
    }
}

/// What a store can answer other than what was asked for.
package enum BlobStoreError: Error, Hashable, CustomStringConvertible {
    /// No space, no inodes, or a quota reached (ENOSPC, EDQUOT).
    case full
    /// The file system cannot be written (EROFS, EACCES, EPERM).
    case readOnly
    case digestMismatch(expected: Digest, actual: Digest)
    case sizeMismatch(expected: Int64, actual: Int64)
    /// Another process has the store.
    case inUse(byProcess: Int32?)
    /// What is stored was laid out by a Weir that this one does not understand.
    case unsupportedLayout
    /// Any other failure of the system, by the call's name and `errno`.
    case system(call: String, errno: Int32)

    package var description: String {
        switch self {
        case .full: "the store's file system is full"
        case .readOnly: "the store's file system cannot be written to"
        case .digestMismatch(let expected, let actual): "the content has digest \(actual) in place of \(expected)"
        case .sizeMismatch(let expected, let actual): "the content has \(actual) bytes in place of \(expected)"
        case .inUse(let process):
            "another process\(process.map { " (\($0))" } ?? "") uses this store; stop it or choose another directory"
        case .unsupportedLayout: "the store was laid out by another version of Weir, which this one does not understand"
        case .system(let call, let errno): "\(call) failed: \(String(cString: strerror(errno)))"
        }
    }
}
