import BlobStore
import NIOCore
import NodeContent
import OCI
import Synchronization

/// Content in memory, which can be wrong, break off or never come.
final class MemoryContent: NodeContent {
    struct Blob: Sendable {
        var bytes: [UInt8]
        /// From where on nothing is read any more.
        var breaksAt: Int64?
        /// From where on nothing comes.
        var stallsAt: Int64?
        /// From where on a few bytes come at a time.
        var dripsAt: Int64?
    }

    private struct State {
        var blobs: [Digest: Blob] = [:]
        var images: [NodeImage] = []
        var targets: [String: Digest] = [:]
        var isGone = false
        var listingFaults = 0
        var openCount = 0
    }

    private let state = Mutex(State())
    private let changes = AsyncStream.makeStream(of: Bool.self)

    func put(_ digest: Digest, _ blob: Blob) { state.withLock { $0.blobs[digest] = blob } }

    /// - Returns: the bytes' digest.
    @discardableResult
    func put(_ bytes: [UInt8]) -> Digest {
        let digest = DigestHasher.digest(of: bytes)
        put(digest, Blob(bytes: bytes))
        return digest
    }

    func name(_ image: NodeImage, target: Digest) {
        state.withLock { state in
            state.images.append(image)
            if let tag = image.tag { state.targets["\(image.registry)/\(image.repository):\(tag)"] = target }
        }
        changes.continuation.yield(true)
    }

    func removeImages() {
        state.withLock { $0.images = [] }
        changes.continuation.yield(true)
    }

    /// As when containerd stops: followers are told by an error, and nobody can list.
    func setGone(_ isGone: Bool) {
        state.withLock { $0.isGone = isGone }
        changes.continuation.yield(!isGone)
    }

    /// So many listings fail, although followers go on and hear of nothing.
    func failListings(_ count: Int) { state.withLock { $0.listingFaults = count } }

    /// How often content was asked for.
    var openCount: Int { state.withLock { $0.openCount } }

    func digest(of tag: Tag, in repository: RepositoryName, of registry: RegistryHost) async throws(NodeContentError)
        -> Digest?
    {
        try state.withLock { state throws(NodeContentError) in
            guard !state.isGone else { throw .unavailable("gone") }
            return state.targets["\(registry)/\(repository):\(tag)"]
        }
    }

    func open(_ digest: Digest) async throws(NodeContentError) -> (any BlobReader)? {
        let blob = try state.withLock { state throws(NodeContentError) in
            guard !state.isGone else { throw .unavailable("gone") }
            state.openCount += 1
            return state.blobs[digest]
        }
        return blob.map { MemoryReader($0) }
    }

    func images() async throws(NodeContentError) -> [NodeImage] {
        try state.withLock { state throws(NodeContentError) in
            guard !state.isGone else { throw .unavailable("gone") }
            guard state.listingFaults == 0 else {
                state.listingFaults -= 1
                throw .unavailable("a call broke off")
            }
            return state.images
        }
    }

    func follow(_ changed: @escaping @Sendable () -> Void) async throws(NodeContentError) {
        guard !state.withLock({ $0.isGone }) else { throw .unavailable("gone") }
        changed()
        for await isThere in changes.stream {
            guard isThere else { throw .unavailable("gone") }
            changed()
        }
    }
}

final class MemoryReader: BlobReader {
    private let blob: MemoryContent.Blob

    init(_ blob: MemoryContent.Blob) { self.blob = blob }

    var size: Int64 { Int64(blob.bytes.count) }
    var fileDescriptor: CInt? { nil }

    func read(at offset: Int64, length: Int) async throws(BlobStoreError) -> ByteBuffer {
        if let place = blob.breaksAt, offset >= place { throw .system(call: "pread", errno: 5) }
        if let place = blob.stallsAt, offset >= place {
            try? await Task.sleep(for: .seconds(60))
            throw .system(call: "pread", errno: 5)
        }
        var length = length
        if let place = blob.dripsAt, offset + Int64(length) > place {
            if offset >= place { try? await Task.sleep(for: .milliseconds(10)) }
            length = offset >= place ? min(length, 16) : Int(place - offset)
        }
        let end = min(blob.bytes.count, Int(offset) + length)
        return ByteBuffer(bytes: blob.bytes[min(Int(offset), end)..<end])
    }
}
