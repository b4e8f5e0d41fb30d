internal import BlobStore
internal import NIOCore
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Reads a blob's file, committed or growing. It stays readable under no name at all.
final class FileReader: BlobReader {
    private let file: OpenFile
    private let length: FileLength
    private let pool: BlockingPool
    /// Whether the file system can tell what is in the page cache; found out by asking.
    private let knowsCache = Atomic(true)

    init(file: OpenFile, length: FileLength, pool: BlockingPool) {
        self.file = file
        self.length = length
        self.pool = pool
    }

    var size: Int64 { length.bytes }

    var fileDescriptor: CInt? { file.descriptor }

    func read(at offset: Int64, length: Int) async throws(BlobStoreError) -> ByteBuffer {
        let end = size
        guard length > 0, (0..<end).contains(offset) else { return ByteBuffer() }
        let count = Int(min(Int64(length), end - offset))
        return try await pool.run { [file] () throws(BlobStoreError) in
            try Self.read(file, at: offset, count: count)
        }
    }

    /// Blocks.
    static func read(_ file: OpenFile, at offset: Int64, count: Int) throws(BlobStoreError) -> ByteBuffer {
        try reading { () throws(SystemFailure) in
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            let got = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) {
                space throws(SystemFailure) in
                try file.read(into: UnsafeMutableRawBufferPointer(rebasing: space[..<count]), at: offset)
            }
            // Somebody cut the file under us. Fewer bytes would read as its end.
            guard got == count else { throw SystemFailure(call: "pread", code: EIO) }
            return buffer
        }
    }

    func readAtHand(into buffer: inout ByteBuffer, at offset: Int64, length: Int) -> Bool {
        let end = size
        guard length > 0, (0..<end).contains(offset), knowsCache.load(ordering: .relaxed) else { return false }
        let wanted = Int(min(Int64(length), end - offset))
        buffer.clear(minimumCapacity: wanted)
        let count = buffer.withUnsafeMutableWritableBytes { space in
            file.readAtHand(into: UnsafeMutableRawBufferPointer(rebasing: space[..<wanted]), at: offset)
        }
        switch count {
        case .some(let count) where count > 0:
            buffer.moveWriterIndex(forwardBy: count)
            return true
        // The end of a file that was cut short, which reading it in the ordinary way tells.
        case .some: return false
        case nil:
            knowsCache.store(false, ordering: .relaxed)
            return false
        }
    }
}

/// How many bytes of a file may be read.
final class FileLength: Sendable {
    private let value: Atomic<Int64>

    init(_ bytes: Int64) { value = Atomic(bytes) }

    var bytes: Int64 { value.load(ordering: .acquiring) }

    /// Called when the bytes are in the file, by one at a time.
    func grow(to bytes: Int64) { value.store(bytes, ordering: .releasing) }
}
