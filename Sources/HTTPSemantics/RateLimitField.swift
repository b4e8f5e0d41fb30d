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
        let member = field.prefix { $0 != "," }
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

/// A hundred years: beyond that a number of seconds from outside is nonsense, and arithmetic stays in range.
let maximumSeconds: Int64 = 3_153_600_000

/// `text` without the white space around it. RFC 9110, 5.6.3.
func trimmed(_ text: some StringProtocol) -> Substring {
    var bytes = Substring(text)
    while let first = bytes.utf8.first, first == 0x20 || first == 0x09 { bytes = bytes.dropFirst() }
    while let last = bytes.utf8.last, last == 0x20 || last == 0x09 { bytes = bytes.dropLast() }
    return bytes
}

/// `text` as a number, if it is nothing but 1 to 18 decimal digits: no sign, no blank, and no overflow.
package func decimal(_ text: some StringProtocol) -> Int64? {
    guard (1...18).contains(text.utf8.count) else { return nil }
    var value: Int64 = 0
    for byte in text.utf8 {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    return value
}

/// Whether every character of `text`, of which there is one at least, is a token's. RFC 9110, 5.6.2.
func isToken(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy(isTokenByte)
}

func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}
