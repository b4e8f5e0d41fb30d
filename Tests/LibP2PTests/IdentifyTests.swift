import Synchronization
import Testing

@testable import LibP2P

/// What honest peers tell each other of themselves, on real sockets.
@Suite(.timeLimit(.minutes(1)))
struct IdentifyTests {
    @Test func `who is yet to say who it is hears of a new address as well`() async throws {
        let hasMoved = Atomic<Bool>(false)
        let isHeld = Atomic<Bool>(true)
        let places = try ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.2/tcp/0"].map { try Multiaddr($0) }
        let a = try RunningHosts.host(
            try RunningHosts.configuration {
                $0.listen = places
                $0.ownAddresses = { bound, _ in [bound[hasMoved.load(ordering: .relaxed) ? 1 : 0]] }
            })
        let b = try RunningHosts.host()
        b.handle(IdentifyMessage.protocolID) { [weak b] stream in
            try await HostTests.until { !isHeld.load(ordering: .relaxed) }
            try await b?.sayWhoWeAre(on: stream)
        }
        try await RunningHosts.with(a, b) {
            let bound = try await a.boundAddresses()
            _ = try await b.connect(to: a.peerID, at: bound)
            try await HostTests.until { b.identified(a.peerID)?.listenAddresses == [bound[0]] }
            hasMoved.store(true, ordering: .relaxed)
            #expect(await a.renewAddresses())
            #expect(a.identified(b.peerID) == nil)
            isHeld.store(false, ordering: .relaxed)
            try await HostTests.until { b.identified(a.peerID)?.listenAddresses == [bound[1]] }
        }
    }
}
