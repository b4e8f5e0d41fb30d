/// Reads a field from left to right, in time proportional to its length.
struct FieldScanner {
    private var bytes: ArraySlice<UInt8>

    init(_ field: some StringProtocol) { bytes = Array(field.utf8)[...] }

    var next: UInt8? { bytes.first }
    var isAtEnd: Bool { bytes.isEmpty }

    /// Takes `byte` if it comes next.
    mutating func take(_ byte: UInt8) -> Bool {
        guard bytes.first == byte else { return false }
        bytes = bytes.dropFirst()
        return true
    }

    /// Returns whether there were any.
    @discardableResult
    mutating func skipBlanks() -> Bool { !take(while: isBlank).isEmpty }

    /// Commas, which stand between list members and may stand alone (RFC 9110, 5.6.1.2), and blanks.
    mutating func skipSeparators() {
        _ = take { isBlank($0) || $0 == UInt8(ascii: ",") }
    }

    mutating func take(while predicate: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let taken = bytes.prefix(while: predicate)
        bytes = bytes[taken.endIndex...]
        return taken
    }

    mutating func token() -> String? {
        let token = take(while: isTokenByte)
        return token.isEmpty ? nil : String(decoding: token, as: UTF8.self)
    }

    /// A quoted string without its quotes and escapes, RFC 9110, 5.6.4; nil where it does not end.
    mutating func quotedString() -> String? {
        guard take(UInt8(ascii: "\"")) else { return nil }
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

    /// What stands before the next `byte`, which is taken too; nil where there is none.
    mutating func text(before byte: UInt8) -> String? {
        guard let end = bytes.firstIndex(of: byte) else { return nil }
        defer { bytes = bytes[(end + 1)...] }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// Takes a `token68` that a comma or the end follows: RFC 9110, 11.2.
    mutating func skipToken68() -> Bool {
        var ahead = self
        let body = ahead.take { byte in
            isTokenByte(byte) && !"!#$%&'*^`|".utf8.contains(byte) || byte == UInt8(ascii: "/")
        }
        _ = ahead.take { $0 == UInt8(ascii: "=") }
        ahead.skipBlanks()
        guard !body.isEmpty, ahead.isAtEnd || ahead.next == UInt8(ascii: ",") else { return false }
        self = ahead
        return true
    }
}
