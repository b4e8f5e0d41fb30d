internal import BlobStore
internal import ControlServer
internal import NIOCore
internal import OCI
internal import PeerRegistry
internal import PullThroughCache

/// A pull of a whole image through the node's registry, of which nothing is kept.
struct NodeMeasurement {
    let registry: PeerRegistry
    let image: ImageReference
    private(set) var parts: [NodeMeasureDocument.Part] = []
    /// What is being pulled: a tag or a digest.
    private(set) var current: String?
    /// Content of more than these is not pulled.
    private static let partMax = 2000
    private static let readBytes: Int64 = 1 << 20

    init(registry: PeerRegistry, image: ImageReference) {
        self.registry = registry
        self.image = image
    }

    mutating func run() async throws {
        var queue: [ManifestReference] = [image.reference]
        var seen: Set<Digest> = []
        while let reference = queue.popLast() {
            let start = ContinuousClock.now
            current = "\(reference)"
            let answer: NodeManifest
            do throws(NodeRegistryError) {
                answer = try await registry.manifest(reference, request)
            } catch {
                // Nodes hold the platforms that they run; the others of an index are missing with everybody.
                if parts.isEmpty { throw error }
                continue
            }
            guard seen.insert(answer.digest).inserted, let bytes = answer.bytes, parts.count < Self.partMax else {
                continue
            }
            add("manifest", answer.digest, answer.size, answer.origin, since: start)
            let manifest = try Manifest(
                parsing: bytes.readableBytesView, declared: answer.mediaType, digest: answer.digest)
            queue += manifest.manifests.map { .digest($0.digest) }
            for blob in manifest.blobs where seen.insert(blob.digest).inserted { try await pull(blob.digest) }
        }
    }

    private var request: NodeRequest { NodeRequest(registry: image.registry, repository: image.repository) }

    private mutating func pull(_ digest: Digest) async throws {
        let start = ContinuousClock.now
        current = "\(digest)"
        let answer = try await registry.blob(digest, request)
        var offset: Int64 = 0
        while let content = answer.content, offset < answer.size,
            let piece = try await content.piece(at: offset, limit: answer.size)
        {
            switch piece {
            case .bytes(let bytes): offset += Int64(bytes.readableBytes)
            case .stored(let reader, let range):
                // What is here is read as well: a disk may be slower than a peer.
                while offset < range.upperBound {
                    let length = Int(min(range.upperBound - offset, Self.readBytes))
                    let bytes = try await reader.read(at: offset, length: length)
                    guard bytes.readableBytes > 0 else {
                        throw NodeRegistryError.failed("what is here of it is too short")
                    }
                    offset += Int64(bytes.readableBytes)
                }
            }
        }
        add("blob", digest, answer.size, answer.origin, since: start)
    }

    private mutating func add(
        _ kind: String, _ digest: Digest, _ bytes: Int64, _ origin: NodeMetrics.Origin,
        since start: ContinuousClock.Instant
    ) {
        parts.append(
            .init(
                kind: kind, digest: "\(digest)", bytes: bytes, milliseconds: (ContinuousClock.now - start).milliseconds,
                from: origin.rawValue))
    }
}
