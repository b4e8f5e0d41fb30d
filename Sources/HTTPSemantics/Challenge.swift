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
    /// no sense; what was complete before it is returned. A `token68` (as Negotiate sends) is passed over.
    package static func parse(_ field: some StringProtocol) -> [Challenge] {
        guard field.utf8.count <= lengthLimit else { return [] }
        var scanner = FieldScanner(field)
        var challenges: [Challenge] = []
        while challenges.count < countLimit {
            scanner.skipSeparators()
            guard let scheme = scanner.token() else { break }
            guard scanner.next.map({ isBlank($0) || $0 == UInt8(ascii: ",") }) != false else { break }
            var parameters: [String: String] = [:]
            var makesSense = true
            if scanner.skipBlanks(), !scanner.skipToken68() {
                makesSense = readParameters(from: &scanner, into: &parameters)
            }
            challenges.append(Challenge(scheme: scheme, parameters: parameters))
            guard makesSense else { break }
        }
        return challenges
    }

    /// Reads `name=value` pairs and leaves the scanner where the next challenge's scheme begins, if one does.
    private static func readParameters(
        from scanner: inout FieldScanner, into parameters: inout [String: String]
    ) -> Bool {
        while true {
            var ahead = scanner
            ahead.skipSeparators()
            guard let name = ahead.token()?.lowercased() else { return ahead.isAtEnd }
            ahead.skipBlanks()
            guard ahead.take(UInt8(ascii: "=")) else { return true }  // a scheme
            ahead.skipBlanks()
            let value = ahead.next == UInt8(ascii: "\"") ? ahead.quotedString() : ahead.token()
            guard let value else { return false }
            // RFC 9110, 11.2: a name occurs once; where a sender repeats it the first is taken.
            if parameters[name] == nil { parameters[name] = value }
            scanner = ahead
        }
    }
}
