internal import OCI

/// Which bytes of an ingest have arrived, in whatever order, and how far they have been hashed, which goes in order.
struct IngestProgress: Sendable {
    /// Bytes from the start without a gap.
    private(set) var contiguous: Int64 = 0
    /// What has arrived beyond the first gap: in order, apart from each other.
    private(set) var islands: [Range<Int64>] = []
    /// How far the hash has come; never beyond ``contiguous``.
    private(set) var hashed: Int64 = 0
    /// Nil while one of the writers has it.
    private var hasher: DigestHasher?
    /// Writes under way.
    var writerCount = 0

    init(_ algorithm: Digest.Algorithm) { hasher = DigestHasher(algorithm) }

    /// The end of what has arrived, gaps or not.
    var end: Int64 { islands.last?.upperBound ?? contiguous }

    var isIdle: Bool { writerCount == 0 && hasher != nil }

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

    /// What is to be hashed next, and by what; nil where there is nothing, or somebody else is at it.
    mutating func beginHashing() -> (hasher: DigestHasher, range: Range<Int64>)? {
        guard hashed < contiguous, let hasher else { return nil }
        self.hasher = nil
        return (hasher, hashed..<contiguous)
    }

    mutating func endHashing(_ hasher: DigestHasher, at offset: Int64) {
        self.hasher = hasher
        hashed = offset
    }

    /// The digest of everything; nil while something is missing.
    var digest: Digest? {
        guard islands.isEmpty, hashed == contiguous else { return nil }
        return hasher?.finalize()
    }
}
