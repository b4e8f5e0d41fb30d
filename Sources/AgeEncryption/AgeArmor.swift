/// The ASCII armor of age: RFC 7468's strict form with lines of 64 characters.
enum AgeArmor {
    private static let begin = Array("-----BEGIN AGE ENCRYPTED FILE-----".utf8)
    private static let end = Array("-----END AGE ENCRYPTED FILE-----".utf8)

    /// Whether `bytes` begin as an armored file does, after any white space.
    static func isArmored(_ bytes: [UInt8]) -> Bool { trimmedStart(bytes[...]).starts(with: begin) }

    static func decode(_ bytes: [UInt8]) throws(AgeError) -> [UInt8] {
        var rest = trimmedStart(bytes[...])
        while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
        var lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
        guard lines.count >= 2, lines.removeFirst().elementsEqual(begin), lines.removeLast().elementsEqual(end),
            // Only the last line may be shorter.
            lines.dropLast().allSatisfy({ $0.count == 64 }), lines.last.map({ (1...64).contains($0.count) }) ?? false,
            let decoded = StrictBase64.decodePadded(Array(lines.joined()))
        else { throw .malformedArmor }
        return decoded
    }

    private static func trimmedStart(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> { bytes.drop(while: isSpace) }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }
}
