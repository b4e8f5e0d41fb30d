internal import MetadataStore
internal import OCI

/// Which images go, so that a number of bytes becomes free: least recently pulled first, an image and its children as
/// one, pinned, leased and protected ones never.
struct EvictionPlan: Sendable {
    /// In the order of eviction.
    private(set) var images: [ImageRecord] = []
    /// What their removal frees: bytes that no remaining image among those given has as well.
    private(set) var freedBytes: Int64 = 0
    private(set) var freedBlobs = 0

    /// - Parameters:
    ///   - candidates: least recently pulled first.
    ///   - bytesToFree: enough once reached.
    ///   - isProtected: images in use: being filled, or pulled from just now.
    init(_ candidates: [ImageRecord], bytesToFree: Int64, isProtected: (ImageRecord) -> Bool) {
        var references: [Digest: Int] = [:]
        for image in candidates {
            for digest in image.stored.keys { references[digest, default: 0] += 1 }
        }
        for image in candidates {
            guard freedBytes < bytesToFree else { break }
            guard !image.isPinned, !image.isLeased, !isProtected(image) else { continue }
            images.append(image)
            for (digest, size) in image.stored {
                let left = (references[digest] ?? 1) - 1
                references[digest] = left
                if left == 0 {
                    freedBytes += size
                    freedBlobs += 1
                }
            }
        }
    }
}

extension StoreLimit {
    /// What the store may always take of a file system by a cap in percent, however full others make it: otherwise
    /// somebody else's files would empty the cache, and nothing be gained by it.
    static let floorPercent: Int64 = 10

    /// How many bytes must go to reach the low watermark; nil where the high one is not passed.
    ///
    /// - Parameters:
    ///   - storedBytes: of all blobs.
    ///   - totalBytes: the size of the file system, and `availableBytes` what is left of it; nil where unknown.
    func excess(storedBytes: Int64, totalBytes: Int64?, availableBytes: Int64?) -> Int64? {
        guard
            let capBytes = room(storedBytes: storedBytes, totalBytes: totalBytes, availableBytes: availableBytes),
            storedBytes > capBytes / 100 * Int64(highWatermark)
        else { return nil }
        return storedBytes - capBytes / 100 * Int64(lowWatermark)
    }

    /// What the store may take now, in bytes: of a cap in percent, what others leave of it. Nil where the file system's
    /// size is unknown.
    func room(storedBytes: Int64, totalBytes: Int64?, availableBytes: Int64?) -> Int64? {
        switch cap {
        case .bytes(let bytes): return bytes
        case .percentOfFilesystem(let percent):
            guard let totalBytes, let availableBytes else { return nil }
            let others = max(0, totalBytes - availableBytes - storedBytes)
            let floor = totalBytes / 100 * min(Int64(percent), Self.floorPercent)
            return max(totalBytes / 100 * Int64(percent) - others, floor)
        }
    }
}
