internal import NIOCore
internal import OCI

/// Which bytes of an ingest have arrived, in whatever order, and how far they have been hashed, which goes in order.
struct IngestProgress: Sendable {
    /// Bytes from the start without a gap.
    private(set) var contiguous: Int64 = 0
    /// What has arrived beyond the first gap: in order, apart from each other.
    private(set) var islands: [Range<Int64>] = []
    /// How far the hash has come; never beyond ``contiguous``.
    private(set) var hashed: Int64 = 0
    /// Nil while the hashing thread has it.
    private var hasher: DigestHasher?
    /// Whether somebody hashes, or is about to.
    private(set) var isHashing = false
    /// What was written and has yet to be hashed, as far as it may be kept: the rest is read back from the file.
    private var atHand: [(offset: Int64, bytes: ByteBuffer)] = []
    private var atHandBytes = 0
    private static let atHandLimitBytes = 4 << 20
    private static let atHandLimit = 64
    /// Writes under way.
    var writerCount = 0

    init(_ algorithm: Digest.Algorithm) { hasher = DigestHasher(algorithm) }

    /// The end of what has arrived, gaps or not.
    var end: Int64 { islands.last?.upperBound ?? contiguous }

    var isIdle: Bool { writerCount == 0 && !isHashing }

    mutating func insert(_ range: Range<Int64>) {
        guard !range.isEmpty else { return }
        if range.lowerBound <= contiguous {
            contiguous = max(contiguous, range.upperBound)
        } else {
            insertIsland(range)
        }
        while let first = islands.first, first.lowerBound <= contiguous {
            contiguous = max(contiguous, first.upperBound)
            islands.removeFirst()
        }
    }

    private mutating func insertIsland(_ range: Range<Int64>) {
        let first = islands.firstIndex { $0.upperBound >= range.lowerBound } ?? islands.endIndex
        let last = islands[first...].firstIndex { $0.lowerBound > range.upperBound } ?? islands.endIndex
        var merged = range
        for island in islands[first..<last] {
            merged = min(merged.lowerBound, island.lowerBound)..<max(merged.upperBound, island.upperBound)
        }
        islands.replaceSubrange(first..<last, with: CollectionOfOne(merged))
    }

    /// Keeps bytes that were just written for whoever hashes, if there is room.
    mutating func keep(_ bytes: ByteBuffer, at offset: Int64) {
        guard offset >= hashed, bytes.readableBytes > 0, atHand.count < Self.atHandLimit,
            atHandBytes + bytes.readableBytes <= Self.atHandLimitBytes
        else { return }
        atHand.append((offset, bytes))
        atHandBytes += bytes.readableBytes
    }

    /// What is gathered before hashing begins: waking another thread costs more than hashing little.
    static let hashBatchBytes: Int64 = 512 << 10
    /// How far the hash may be behind before whoever writes waits for it. What is kept for it is bounded alike, so that
    /// it has to read nothing back where bytes come in order.
    static let hashLagLimitBytes: Int64 = 4 << 20

    /// Bytes that have arrived without a gap and are not hashed.
    var hashLagBytes: Int64 { contiguous - hashed }

    /// Whether whoever writes is to wait until ``hasCaughtUp``.
    var isHashBehind: Bool { isHashing && hashLagBytes >= Self.hashLagLimitBytes }

    /// Half of the limit, so that neither waits for the other.
    var hasCaughtUp: Bool { !isHashing || hashLagBytes <= Self.hashLagLimitBytes / 2 }

    /// Returns whether the caller is to see to it that hashing begins.
    /// - Parameter minimumBytes: below which it does not.
    mutating func beginHashing(minimumBytes: Int64 = 1) -> Bool {
        guard !isHashing, hashLagBytes >= max(minimumBytes, 1) else { return false }
        isHashing = true
        return true
    }

    struct HashingStep {
        var hasher: DigestHasher
        let range: Range<Int64>
        /// The bytes of `range`; nil: they are in the file.
        let bytes: ByteBuffer?
    }

    /// What is to be hashed next; nil, and hashing is over, where there is nothing.
    mutating func nextToHash(readLimitBytes: Int64) -> HashingStep? {
        guard hashed < contiguous, let hasher else {
            isHashing = false
            return nil
        }
        self.hasher = nil
        if let index = atHand.firstIndex(where: { $0.offset == hashed }) {
            let (_, bytes) = atHand.remove(at: index)
            atHandBytes -= bytes.readableBytes
            return HashingStep(hasher: hasher, range: hashed..<hashed + Int64(bytes.readableBytes), bytes: bytes)
        }
        let next = atHand.lazy.map(\.offset).filter { [hashed] in $0 > hashed }.min() ?? .max
        return HashingStep(
            hasher: hasher, range: hashed..<min(contiguous, hashed + readLimitBytes, next), bytes: nil)
    }

    mutating func endHashing(_ hasher: DigestHasher, at offset: Int64) {
        self.hasher = hasher
        hashed = offset
        atHand.removeAll { each in
            guard each.offset < offset else { return false }
            atHandBytes -= each.bytes.readableBytes
            return true
        }
    }

    /// The digest of everything; nil while something is missing.
    var digest: Digest? {
        guard islands.isEmpty, hashed == contiguous else { return nil }
        return hasher?.finalize()
    }
}
