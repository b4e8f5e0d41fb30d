package import Timekeeping

/// A bearer token, and how long it may be used.
package struct Token: Sendable, Hashable, CustomStringConvertible {
    package let value: String
    /// Already with the margin taken off.
    package let usableUntil: Timestamp

    package init(value: String, usableUntil: Timestamp) {
        self.value = value
        self.usableUntil = usableUntil
    }

    /// Never the token itself.
    package var description: String { "token usable until \(usableUntil.seconds)" }

    /// How much earlier than it expires a token is renewed: a tenth of its life, half a minute at most, so that it
    /// does not expire on its way.
    package static func margin(of life: Duration) -> Duration { min(life / 10, .seconds(30)) }
}
