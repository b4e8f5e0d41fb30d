internal import HTTPSemantics
internal import Synchronization
internal import Timekeeping

/// The `Date` field's value, made anew once a second. RFC 9110, 6.6.1.
final class DateField: Sendable {
    private let clock: any WallClock
    private let last = Mutex((second: Int64.min, text: ""))

    init(clock: any WallClock) { self.clock = clock }

    var text: String {
        let second = clock.now().seconds
        return last.withLock { last in
            if last.second != second { last = (second, HTTPDate.format(second)) }
            return last.text
        }
    }
}
