import Testing

@testable import LibP2P

/// Whom the host lets begin a handshake, without connections.
struct ConnectionTableTests {
    /// How many of `count` connections are let in.
    private static func admitted(
        _ count: Int, from address: String?, isLoopback: Bool = false, by table: inout ConnectionTable
    ) -> Int {
        (0..<count).count { _ in table.admit(from: address, isLoopback: isLoopback) }
    }

    @Test
    func `of one address eight connections are let in, the next when one of them has gone, and others' as before`() {
        var table = ConnectionTable(HostConfiguration())
        let first = Self.admitted(20, from: "192.0.2.1", by: &table)
        #expect(first == 8)
        let others = Self.admitted(20, from: "192.0.2.2", by: &table)
        #expect(others == 8)

        // They count as long as they are there, whatever became of their handshakes.
        for _ in 0..<16 { table.handshakeEnded() }
        let established = Self.admitted(20, from: "192.0.2.1", by: &table)
        #expect(established == 0)

        table.left("192.0.2.1")
        let next = Self.admitted(20, from: "192.0.2.1", by: &table)
        #expect(next == 1)
        for _ in 0..<8 { table.left("192.0.2.1") }
        let again = Self.admitted(20, from: "192.0.2.1", by: &table)
        #expect(again == 8, "those that were refused count for nothing")
    }

    @Test func `handshakes of all addresses together are bounded, and make room when they end`() {
        var table = ConnectionTable(HostConfiguration())
        var count = 0
        for number in 0..<100 where table.admit(from: "192.0.2.\(number)", isLoopback: false) { count += 1 }
        #expect(count == 64)
        let unnamed = Self.admitted(1, from: nil, by: &table)
        #expect(unnamed == 0)
        table.handshakeEnded()
        let next = Self.admitted(5, from: "198.51.100.1", by: &table)
        #expect(next == 1)
    }

    /// Of one machine all connections have the same address: a proxy's, and a test's.
    @Test func `loopback is bounded by handshakes alone`() {
        var table = ConnectionTable(HostConfiguration())
        let count = Self.admitted(100, from: "127.0.0.1", isLoopback: true, by: &table)
        #expect(count == 64)
    }

    @Test func `a table that was closed lets nobody in`() {
        var table = ConnectionTable(HostConfiguration())
        _ = table.close()
        let count = Self.admitted(3, from: "192.0.2.1", by: &table)
        #expect(count == 0)
    }
}
