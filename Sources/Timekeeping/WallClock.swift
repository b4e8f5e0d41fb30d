internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Where wall-clock time comes from, so that decisions about age can be tested by moving the clock.
package protocol WallClock: Sendable {
    func now() -> Timestamp
}

/// The machine's clock.
package struct SystemWallClock: WallClock {
    package init() {}

    package func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

/// A clock that stands still until it is moved.
package final class ManualWallClock: WallClock {
    private let moment: Mutex<Timestamp>

    package init(_ moment: Timestamp = Timestamp(seconds: 1_700_000_000)) { self.moment = Mutex(moment) }

    package func now() -> Timestamp { moment.withLock { $0 } }

    package func advance(by duration: Duration) {
        moment.withLock { $0 = $0 + duration }
    }
}
