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
