/// A `ratelimit-limit` or `ratelimit-remaining` field: `100;w=21600`.
///
/// Docker Hub's form, after draft-ietf-httpapi-ratelimit-headers: a count, and the window it is for.
package struct RateLimitField: Sendable, Hashable {
    /// Pulls; never negative.
    package let count: Int64
    /// Nil where the field does not say.
    package let window: Duration?

    package init(count: Int64, window: Duration?) {
        self.count = count
        self.window = window
    }

    /// Reads the first list member; returns nil for anything malformed.
    package init?(_ field: some StringProtocol) {
        // A count and a window are short; what is longer is malformed, or of no interest.
        let member = field.prefix(256).prefix { $0 != "," }
        let parts = member.split(separator: ";", omittingEmptySubsequences: false)
        guard let count = parts.first.flatMap({ decimal(trimmed($0)) }) else { return nil }
        self.count = count
        var window: Duration?
        for parameter in parts.dropFirst() {
            let pair = trimmed(parameter)
            if pair.hasPrefix("w="), let seconds = decimal(pair.dropFirst(2)), seconds <= maximumSeconds {
                window = .seconds(seconds)
            }
        }
        self.window = window
    }
}
