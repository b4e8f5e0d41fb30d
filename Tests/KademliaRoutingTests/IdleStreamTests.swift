import LibP2P
import NIOCore
import Testing

@testable import KademliaRouting

/// Streams that peers open and leave, over real connections, under a clock that is moved by hand.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct IdleStreamTests {
    /// What is said on a stream, and answered.
    private static func words(_ protocolID: String) -> ByteBuffer {
        protocolID == Ping.protocolID
            ? ByteBuffer(repeating: 7, count: 32) : LengthPrefixedDecoder.frame(KademliaMessage(.ping).bytes)
    }

    /// Says something, and waits for the answer's beginning.
    private static func talk(on stream: PeerStream) async throws {
        try await stream.write(words(stream.protocolID))
        let answer = try await withTimeLimit(.seconds(10)) { try await stream.read() }
        try #require(answer != nil)
    }

    private static func end(of stream: PeerStream) async throws {
        while try await withTimeLimit(.seconds(10), { try await stream.read() }) != nil {}
    }

    private static func with(
        _ limits: YamuxSession.Limits = YamuxSession.Limits(),
        _ body: @Sendable (_ ours: Host, _ peer: Host, _ clock: ManualRoutingClock) async throws -> Void
    ) async throws {
        let clock = ManualClock()
        let ours = try FaultTests.host {
            $0.clock = clock
            $0.limits = limits
        }
        let peer = try FaultTests.host()
        let router = FaultTests.router(ours)
        try await FaultTests.with(hosts: [ours, peer], routers: [router]) {
            _ = try await peer.connect(to: ours.peerID, at: ours.advertisedAddresses)
            // From then on there are no streams but those of the test.
            try await HostNetworkTests.until {
                peer.identified(ours.peerID) != nil && ours.identified(peer.peerID) != nil
            }
            try await body(ours, peer, clock.routing)
        }
    }

    @Test(arguments: [KademliaMessage.protocolID, Ping.protocolID])
    func `a stream on which nothing comes for a minute is reset, and gives its place back`(
        _ protocolID: String
    ) async throws {
        var limits = YamuxSession.Limits()
        limits.inboundStreams = 2
        try await Self.with(limits) { ours, peer, clock in
            func open() async throws -> PeerStream {
                let stream = try await peer.openStream(to: ours.peerID, protocolID: protocolID)
                try await Self.talk(on: stream)
                return stream
            }
            // The place of the identification may be free a moment later than its answer has come.
            var streams: [PeerStream] = []
            try await HostNetworkTests.until {
                if let stream = try? await open() { streams.append(stream) }
                return streams.count == 2
            }
            let refused = try await peer.openStream(to: ours.peerID, protocolID: protocolID)
            await #expect(throws: StreamError.reset(code: 0x1005)) { try await Self.end(of: refused) }
            try await HostNetworkTests.until { clock.sleeperCount == 2 }

            // A minute counts from what came last.
            clock.advance(by: .seconds(59))
            try await Self.talk(on: streams[0])
            try await HostNetworkTests.until { clock.sleeperCount == 2 }
            clock.advance(by: .seconds(1))
            await #expect(throws: StreamError.reset(code: 0)) { try await Self.end(of: streams[1]) }
            try await Self.talk(on: streams[0])
            let next = try await open()
            try await HostNetworkTests.until { clock.sleeperCount == 2 }
            clock.advance(by: .seconds(60))
            for stream in [streams[0], next] {
                await #expect(throws: StreamError.reset(code: 0)) { try await Self.end(of: stream) }
            }
            #expect(ours.isConnected(to: peer.peerID), "the connection is as good as before")
        }
    }

    @Test func `a request that comes in drops has a minute in all`() async throws {
        try await Self.with { ours, peer, clock in
            let stream = try await peer.openStream(to: ours.peerID, protocolID: KademliaMessage.protocolID)
            try await Self.talk(on: stream)
            for drop in [ByteBuffer(bytes: [100]), ByteBuffer(bytes: [8]), ByteBuffer(bytes: [5])] {
                try await stream.write(drop)
                // What was sent before a ping has come when that is answered.
                _ = try await peer.ping(ours.peerID, limit: .seconds(10))
                try await HostNetworkTests.until { clock.sleeperCount == 1 }
                clock.advance(by: .seconds(20))
            }
            await #expect(throws: StreamError.reset(code: 0)) { try await Self.end(of: stream) }
        }
    }

    @Test func `who pings and does not read the answers loses the stream`() async throws {
        try await Self.with { ours, peer, clock in
            let stream = try await peer.openStream(to: ours.peerID, protocolID: Ping.protocolID)
            // As much as both windows hold: then ours waits for the peer to read, and the peer for ours.
            let flood = Task { try await stream.write(ByteBuffer(repeating: 7, count: 1 << 20)) }
            defer { flood.cancel() }
            let failed = Counter()
            let watch = Task {
                _ = await flood.result
                failed.increment()
            }
            defer { watch.cancel() }
            try await HostNetworkTests.until {
                clock.advance(by: .seconds(61))
                return failed.value == 1
            }
            // Reset, or found closed by the next write: both say that the stream is gone.
            await #expect(throws: StreamError.self) { try await flood.value }
        }
    }
}
