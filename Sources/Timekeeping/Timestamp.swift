/// A moment of wall-clock time, in whole milliseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Sendable, Hashable, Comparable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Moments beyond what milliseconds can say become the last, or the first, that they can.
    package init(seconds: Int64) {
        let (product, isBeyond) = seconds.multipliedReportingOverflow(by: 1000)
        milliseconds = isBeyond ? (seconds > 0 ? .max : .min) : product
    }

    /// Whole seconds, rounded down.
    package var seconds: Int64 {
        let (quotient, remainder) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    package static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(milliseconds: moment.milliseconds.addingSaturating(duration.wholeMilliseconds))
    }

    package static func - (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(milliseconds: moment.milliseconds.addingSaturating(-duration.wholeMilliseconds))
    }

    /// The time from `earlier` to `later`; negative where the clock was set back in between.
    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        let (difference, isBeyond) = later.milliseconds.subtractingReportingOverflow(earlier.milliseconds)
        return .milliseconds(isBeyond ? (later > earlier ? .max : .min) : difference)
    }
}

extension Duration {
    /// Rounded towards zero, and bounded so that adding it to a moment cannot overflow.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let bounded = min(max(seconds, -Int64.max / 4000), Int64.max / 4000)
        return bounded * 1000 + attoseconds / 1_000_000_000_000_000
    }

    /// Rounded towards zero, and bounded at some 30 years.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let bounded = min(max(seconds, -1_000_000_000), 1_000_000_000)
        return bounded * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    /// Rounded towards zero.
    package var wholeSeconds: Int64 { components.seconds }
}

extension Int64 {
    fileprivate func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }
}
