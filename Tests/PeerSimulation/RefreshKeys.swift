internal import KademliaRouting

/// Keys that lie in every direction of the keyspace, found once for all nodes: trying anew for each refresh of each
/// node takes longer than everything else that a simulation does. Go's implementation keeps such a table as well.
struct RefreshKeys {
    private static let bits = 14

    /// By the first bits of where it lies, what a key ends with.
    private let counters: [UInt32]

    init() {
        var counters = [UInt32](repeating: 0, count: 1 << Self.bits)
        var missing = counters.count
        var counter: UInt32 = 0
        while missing > 0 {
            counter += 1
            let prefix = Self.prefix(KeyspacePoint(hashing: Self.key(counter)))
            guard counters[prefix] == 0 else { continue }
            counters[prefix] = counter
            missing -= 1
        }
        self.counters = counters
    }

    /// A key that has exactly `length` bits in common with `point`, one of those of that direction.
    func key(
        sharing length: Int, with point: KeyspacePoint, using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        guard length < Self.bits else { return RefreshKey.make(sharing: length, with: point, using: &generator) }
        let free = Self.bits - length - 1
        let shared = Self.prefix(point) >> free ^ 1
        return Self.key(counters[shared << free | Int.random(in: 0..<(1 << free), using: &generator)])
    }

    private static func prefix(_ point: KeyspacePoint) -> Int {
        let bytes = point.bytes
        return (Int(bytes[0]) << 8 | Int(bytes[1])) >> (16 - bits)
    }

    private static func key(_ counter: UInt32) -> [UInt8] {
        [0x12, 0x20] + [UInt8](repeating: 0, count: 28) + withUnsafeBytes(of: counter) { Array($0) }
    }
}
