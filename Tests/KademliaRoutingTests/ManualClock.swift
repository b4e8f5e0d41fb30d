@testable import KademliaRouting

/// The routing's manual clock, as the standard library has clocks.
struct ManualClock: Clock {
    struct Instant: InstantProtocol {
        let time: Duration

        func advanced(by duration: Duration) -> Instant { Instant(time: time + duration) }
        func duration(to other: Instant) -> Duration { other.time - time }
        static func < (left: Instant, right: Instant) -> Bool { left.time < right.time }
    }

    let routing = ManualRoutingClock()

    var now: Instant { Instant(time: routing.now()) }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try await routing.sleep(for: deadline.time - routing.now())
    }
}
