/// A `Retry-After` field. RFC 9110, 10.2.3: seconds, or a date.
package enum RetryAfter {
    /// How long to wait, counted from `now` (seconds since 1970); nil for anything malformed. Never negative.
    package static func parse(_ field: some StringProtocol, now: Int64) -> Duration? {
        let text = trimmed(field)
        if let seconds = decimal(text) { return .seconds(min(seconds, maximumSeconds)) }
        guard let date = HTTPDate.parse(text) else { return nil }
        return .seconds(min(max(0, date - now), maximumSeconds))
    }

    /// `wait` in whole seconds, rounded up, so that a client never comes back too early.
    package static func format(_ wait: Duration) -> String {
        let (seconds, attoseconds) = wait.components
        return String(max(0, attoseconds > 0 ? seconds + 1 : seconds))
    }
}
