internal import BlobStore
internal import NIOCore
internal import OCI
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Content that is read through containerd, where its directory is not mounted.
///
/// Each call costs a stream and several switches between the two programs, so whoever reads on gets more than was asked
/// for at once, and the rest is kept for the next read.
final class ContentStream: BlobReader {
    private struct Ahead {
        var offset: Int64 = 0
        var bytes = ByteBuffer()
        var end: Int64 { offset + Int64(bytes.readableBytes) }

        func bytes(at start: Int64, atMost count: Int) -> ByteBuffer? {
            guard (offset..<end).contains(start) else { return nil }
            return bytes.getSlice(
                at: bytes.readerIndex + Int(start - offset), length: min(count, Int(end - start)))
        }
    }

    private let api: ContainerdAPI
    private let digest: Digest
    let size: Int64
    private let ahead = Mutex(Ahead())

    init(api: ContainerdAPI, digest: Digest, size: Int64) {
        self.api = api
        self.digest = digest
        self.size = size
    }

    var fileDescriptor: CInt? { nil }

    func read(at offset: Int64, length: Int) async throws(BlobStoreError) -> ByteBuffer {
        guard length > 0, (0..<size).contains(offset) else { return ByteBuffer() }
        let count = Int(min(Int64(length), size - offset))
        var piece = ahead.withLock { $0.bytes(at: offset, atMost: count) } ?? ByteBuffer()
        guard piece.readableBytes < count else { return piece }
        var next = try await fetch(at: offset + Int64(piece.readableBytes), atLeast: count - piece.readableBytes)
        if piece.readableBytes == 0 { return next }
        piece.writeBuffer(&next)
        return piece
    }

    /// Exactly `count` bytes. More are fetched where the last call ended at `offset`.
    private func fetch(at offset: Int64, atLeast count: Int) async throws(BlobStoreError) -> ByteBuffer {
        let readsOn = offset > 0 && offset == ahead.withLock { $0.end }
        let wanted = readsOn ? Int(min(Int64(max(count, Self.aheadBytes)), size - offset)) : count
        let bytes: ByteBuffer?
        do throws(GRPCError) {
            bytes = try await api.read(digest, at: offset, length: wanted)
        } catch {
            throw .system(call: "containerd Read", errno: error == .timedOut ? ETIMEDOUT : EIO)
        }
        guard let bytes, bytes.readableBytes == wanted, let piece = bytes.getSlice(at: bytes.readerIndex, length: count)
        else { throw .system(call: "containerd Read", errno: ENOENT) }
        ahead.withLock { $0 = Ahead(offset: offset, bytes: bytes) }
        return piece
    }

    /// Of one call; as many are held for each blob that is being read.
    private static let aheadBytes = 512 << 10
}
