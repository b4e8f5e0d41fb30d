internal import BlobStore
internal import NIOCore
internal import NIOPosix
internal import OCI

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A file of containerd's content directory: sent without being copied, and readable when its name is gone.
final class ContentFile: BlobReader {
    private let descriptor: CInt
    let size: Int64

    /// Nil where it cannot be opened or has not `size` bytes: content is moved into place when it is whole.
    init?(path: String, size: Int64) {
        let descriptor = Self.openFile(path)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Int64(status.st_size) == size else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        self.size = size
    }

    deinit { close(descriptor) }

    private static func openFile(_ path: String) -> CInt { open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) }

    var fileDescriptor: CInt? { descriptor }

    func read(at offset: Int64, length: Int) async throws(BlobStoreError) -> ByteBuffer {
        guard length > 0, (0..<size).contains(offset) else { return ByteBuffer() }
        let count = Int(min(Int64(length), size - offset))
        do {
            return try await NIOThreadPool.singleton.runIfActive { [self] in
                try Self.read(count, at: offset) { pread(descriptor, $0, $1, off_t($2)) }
            }
        } catch let error as BlobStoreError {
            throw error
        } catch {
            throw .system(call: "pread", errno: ECANCELED)
        }
    }

    /// All of `count` bytes, however many calls it takes.
    /// - Parameter source: `pread`, of a place in memory, a count of bytes and an offset.
    static func read(
        _ count: Int, at offset: Int64, by source: (UnsafeMutableRawPointer?, Int, Int64) -> Int
    ) throws(BlobStoreError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        while buffer.readableBytes < count {
            let place = offset + Int64(buffer.readableBytes)
            // The buffer may have more room than is left to read.
            let left = count - buffer.readableBytes
            var failure: CInt = 0
            let got = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: left) {
                let got = source($0.baseAddress, left, place)
                if got < 0 { failure = errno }
                return max(got, 0)
            }
            if got > 0 || failure == EINTR { continue }
            throw .system(call: "pread", errno: failure == 0 ? EIO : failure)
        }
        return buffer
    }
}
