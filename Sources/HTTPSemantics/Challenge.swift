/// One challenge of a `WWW-Authenticate` field. RFC 9110, 11.6.1.
package struct Challenge: Sendable, Hashable {
    /// In lower case: `bearer`, `basic`.
    package let scheme: String
    /// Names in lower case; values without quotes.
    package let parameters: [String: String]

    package init(scheme: String, parameters: [String: String]) {
        self.scheme = scheme.lowercased()
        self.parameters = parameters
    }

    /// What one field may hold, in bytes; a longer one has no challenges.
    package static let lengthLimit = 8192
    /// How many challenges are read of one field.
    package static let countLimit = 16

    /// Reads every challenge of a field, or of several joined by commas. Reading stops at the first thing that makes
    /// no sense; what was complete before it is returned.
    package static func parse(_ field: some StringProtocol) -> [Challenge] {
        guard field.utf8.count <= lengthLimit else { return [] }
        var scanner = Scanner(bytes: Array(field.utf8)[...])
        var challenges: [Challenge] = []
        while challenges.count < countLimit {
            scanner.skipSeparators()
            guard let scheme = scanner.token() else { break }
            var parameters: [String: String] = [:]
            let hadSpace = scanner.skipSpaces()
            if hadSpace { scanner.readParameters(into: &parameters) }
            challenges.append(Challenge(scheme: scheme, parameters: parameters))
            guard scanner.isAtSeparatorOrEnd else { break }
        }
        return challenges
    }

    private struct Scanner {
        var bytes: ArraySlice<UInt8>

        var isAtSeparatorOrEnd: Bool { bytes.first.map { $0 == UInt8(ascii: ",") || isTokenByte($0) } ?? true }

        mutating func skipSeparators() {
            while let byte = bytes.first, byte == UInt8(ascii: ",") || byte == 0x20 || byte == 0x09 {
                bytes.removeFirst()
            }
        }

        @discardableResult
        mutating func skipSpaces() -> Bool {
            var skipped = false
            while let byte = bytes.first, byte == 0x20 || byte == 0x09 {
                bytes.removeFirst()
                skipped = true
            }
            return skipped
        }

        mutating func token() -> String? {
            let token = bytes.prefix(while: isTokenByte)
            guard !token.isEmpty else { return nil }
            bytes = bytes.dropFirst(token.count)
            return String(decoding: token, as: UTF8.self)
        }

        /// Reads `name=value` pairs; leaves the bytes where the next challenge's scheme begins.
        mutating func readParameters(into parameters: inout [String: String]) {
            while true {
                var ahead = self
                ahead.skipSeparators()
                guard let name = ahead.token() else {
                    self = ahead
                    return
                }
                ahead.skipSpaces()
                guard ahead.bytes.first == UInt8(ascii: "=") else { return }  // a scheme, or token68: not ours to read
                ahead.bytes.removeFirst()
                ahead.skipSpaces()
                guard let value = ahead.value() else { return }
                // RFC 9110, 11.2: a name occurs once; where a sender repeats it the first is taken.
                if parameters[name.lowercased()] == nil { parameters[name.lowercased()] = value }
                self = ahead
                skipSpaces()
            }
        }

        mutating func value() -> String? {
            guard bytes.first == UInt8(ascii: "\"") else { return token() }
            bytes.removeFirst()
            var value: [UInt8] = []
            while let byte = bytes.popFirst() {
                switch byte {
                case UInt8(ascii: "\""): return String(decoding: value, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let escaped = bytes.popFirst() else { return nil }
                    value.append(escaped)
                default: value.append(byte)
                }
            }
            return nil
        }
    }
}
