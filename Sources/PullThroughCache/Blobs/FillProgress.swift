/// How far one fill has come, and how much of it readers may see.
struct FillProgress: Sendable {
    enum Phase: Sendable {
        /// The upstream has not answered. Goes to `flowing` or `failed`.
        case asking
        /// Bytes arrive. Goes to `verified` or `failed`.
        case flowing
        /// Everything has arrived and has the right digest. The end.
        case verified
        /// The end.
        case failed(CacheError)
    }

    private(set) var phase = Phase.asking
    /// In bytes in all; nil where nobody said.
    private(set) var size: Int64?
    /// Bytes that have arrived, in order.
    private(set) var written: Int64 = 0

    /// Bytes that readers may see. The last one is withheld until the digest is verified, so that no client ever
    /// takes wrong content for a complete answer.
    var front: Int64 {
        switch phase {
        case .verified: written
        case .asking, .flowing, .failed:
            if let size, written < size { written } else { max(0, written - 1) }
        }
    }

    mutating func begin(size: Int64?) {
        guard case .asking = phase else { return }
        phase = .flowing
        self.size = size
    }

    /// Never moves back: of two transfers that report at once the later may have less to report.
    mutating func advance(to contiguous: Int64) { written = max(written, contiguous) }

    mutating func finish() {
        phase = .verified
        size = written
    }

    mutating func fail(_ error: CacheError) {
        switch phase {
        case .asking, .flowing: phase = .failed(error)
        case .verified, .failed: return
        }
    }
}
