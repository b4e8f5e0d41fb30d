import NIOCore
import NIOPosix
import Testing

@testable import LibP2P

/// Peers that have proved who they are, and misbehave.
@Suite(.timeLimit(.minutes(1)))
struct HostilePeerTests {
    /// Performs `body` away from the tasks' threads, since it blocks.
    private static func with(
        _ host: Host, _ body: @escaping @Sendable (RawPeer) throws -> Void
    ) async throws {
        let port = try #require(try await host.boundAddresses().first?.endpoint?.port)
        try await NIOThreadPool.singleton.runIfActive {
            let peer = try RawPeer(port: port)
            try peer.shakeHands()
            try body(peer)
        }
    }

    @Test func `who makes us answer and does not read the answers is hung up on`() async throws {
        let host = try RunningHosts.host(try RunningHosts.configuration { $0.unsentLimitBytes = 256 << 10 })
        try await RunningHosts.with(host) {
            try await Self.with(host) { peer in
                var sent = 0
                let pings = (0..<5000).flatMap { YamuxTests.frame(.ping, .syn, length: $0) }
                while true {
                    peer.machine.session?.outbound.writeBytes(pings)
                    guard try peer.flush() else { break }
                    sent += pings.count
                    try #require(sent < 64 << 20, "the host takes a flood without end")
                }
            }
            try await HostTests.until { host.connectionCount == 0 }
        }
    }

    @Test func `a flood of streams is answered with resets, and the connection lives`() async throws {
        let host = try RunningHosts.host()
        try await RunningHosts.with(host) {
            try await Self.with(host) { peer in
                for number in UInt32(0)..<1000 {
                    peer.machine.session?.outbound.writeBytes(
                        YamuxTests.frame(.windowUpdate, .syn, 1001 + 2 * number))
                }
                peer.machine.session?.outbound.writeBytes(YamuxTests.frame(.ping, .syn, length: 77))
                guard try peer.flush() else { throw ConnectionError.closed }
                // Its answers say that the streams are acknowledged or reset; the connection is there to say so.
                _ = try #require(peer.receive())
                #expect(host.connectionCount == 1)
            }
        }
    }

    @Test func `who breaks the rules of yamux is told so, and hung up on`() async throws {
        let host = try RunningHosts.host()
        try await RunningHosts.with(host) {
            try await Self.with(host) { peer in
                peer.machine.session?.outbound.writeBytes(YamuxTests.frame(.windowUpdate, .syn, 2))
                guard try peer.flush() else { throw ConnectionError.closed }
                var isTold = false
                while let bytes = peer.receive() {
                    let events = (try? peer.machine.receive(ByteBuffer(bytes: bytes), now: .now())) ?? []
                    if events.contains(.goAway(code: 1)) { isTold = true }
                }
                #expect(isTold)
            }
            try await HostTests.until { host.connectionCount == 0 }
        }
    }

    @Test func `a connection that is half open is noticed`() async throws {
        let host = try RunningHosts.host(
            try RunningHosts.configuration {
                $0.tickInterval = .milliseconds(20)
                $0.limits.pingInterval = .milliseconds(50)
                $0.limits.pingTimeout = .milliseconds(100)
            })
        try await RunningHosts.with(host) {
            try await Self.with(host) { peer in
                // It reads, and never answers.
                while peer.receive() != nil {}
            }
            try await HostTests.until { host.connectionCount == 0 }
        }
    }
}
