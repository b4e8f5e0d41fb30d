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
                var buffer = ByteBufferAllocator().buffer(capacity: count)
                while buffer.readableBytes < count {
                    let place = offset + Int64(buffer.readableBytes)
                    let got = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count - buffer.readableBytes) {
                        pread(descriptor, $0.baseAddress, min($0.count, count), off_t(place))
                    }
                    guard got > 0 else { throw BlobStoreError.system(call: "pread", errno: got == 0 ? EIO : errno) }
                }
                return buffer
            }
        } catch let error as BlobStoreError {
            throw error
        } catch {
            throw .system(call: "pread", errno: ECANCELED)
        }
    }
}

/// Content that is read through containerd, where its directory is not mounted.
final class ContentStream: BlobReader {
    private let api: ContainerdAPI
    private let digest: Digest
    let size: Int64

    init(api: ContainerdAPI, digest: Digest, size: Int64) {
        self.api = api
        self.digest = digest
        self.size = size
    }

    var fileDescriptor: CInt? { nil }

    func read(at offset: Int64, length: Int) async throws(BlobStoreError) -> ByteBuffer {
        guard length > 0, (0..<size).contains(offset) else { return ByteBuffer() }
        let count = Int(min(Int64(length), size - offset))
        let bytes: ByteBuffer?
        do throws(GRPCError) {
            bytes = try await api.read(digest, at: offset, length: count)
        } catch {
            throw .system(call: "containerd Read", errno: EIO)
        }
        guard let bytes, bytes.readableBytes == count else { throw .system(call: "containerd Read", errno: ENOENT) }
        return bytes
    }
}
