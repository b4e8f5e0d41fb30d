/// A `Retry-After` field. RFC 9110, 10.2.3: seconds, or a date.
package enum RetryAfter {
    /// How long to wait, counted from `now` (seconds since 1970); nil for anything malformed. Never
    /// negative, and a hundred years at most.
    package static func parse(_ field: some StringProtocol, now: Int64) -> Duration? {
        let text = trimmed(field)
        if let seconds = saturatingDecimal(text) { return .seconds(min(seconds, maximumSeconds)) }
        guard let date = HTTPDate.parse(text) else { return nil }
        guard date > now else { return .zero }
        let (wait, isBeyond) = date.subtractingReportingOverflow(now)
        return .seconds(isBeyond ? maximumSeconds : min(wait, maximumSeconds))
    }

    /// `wait` in whole seconds, rounded up, so that a client never comes back too early.
    package static func format(_ wait: Duration) -> String {
        let (seconds, attoseconds) = wait.components
        return String(max(0, attoseconds > 0 && seconds < .max ? seconds + 1 : seconds))
    }
}
