/// Keys that lie in a direction of the keyspace, for the look-ups that refresh the table.
package enum RefreshKey {
    /// A key that has exactly `length` bits in common with `point`; found by trying, some 2^(length + 1) times.
    package static func make(
        sharing length: Int, with point: KeyspacePoint, using generator: inout some RandomNumberGenerator
    ) -> [UInt8] {
        var key: [UInt8] = [0x12, 0x20]
        for _ in 0..<4 { withUnsafeBytes(of: generator.next()) { key += $0 } }
        var counter: UInt64 = 0
        // Counting is as good as new numbers, which come from the system one by one.
        while KeyspacePoint(hashing: key).commonPrefixLength(with: point) != length {
            counter += 1
            withUnsafeBytes(of: counter) { key.replaceSubrange(26..<34, with: $0) }
        }
        return key
    }
}
