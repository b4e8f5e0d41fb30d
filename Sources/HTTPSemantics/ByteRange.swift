/// What a `Range` field asks for. RFC 9110, section 14.
package enum RangeRequest: Sendable, Hashable {
    /// From `first` to `last`, both included.
    case closed(first: Int64, last: Int64)
    /// From `first` to the end.
    case from(Int64)
    /// The last `length` bytes.
    case suffix(length: Int64)

    /// Reads a field with a single byte range.
    ///
    /// Returns nil for anything else, which a server then answers as if there was no field (RFC 9110, 14.2: unknown
    /// units, malformed fields; and several ranges, which a server may ignore).
    package init?(_ field: some StringProtocol) {
        var scanner = FieldScanner(trimmed(field))
        guard isSame(scanner.take(while: isTokenByte), "bytes"), scanner.take(UInt8(ascii: "=")) else { return nil }
        scanner.skipBlanks()
        // Positions beyond `Int64` are beyond any blob, and stay well formed.
        let first = String(decoding: scanner.take(while: isDecimalDigit), as: UTF8.self)
        guard scanner.take(UInt8(ascii: "-")) else { return nil }
        let last = String(decoding: scanner.take(while: isDecimalDigit), as: UTF8.self)
        guard scanner.isAtEnd else { return nil }
        switch (saturatingDecimal(first), saturatingDecimal(last)) {
        case (nil, nil): return nil
        case (nil, let length?): self = .suffix(length: length)
        case (let first?, nil): self = .from(first)
        case (let first?, let last?):
            guard first <= last else { return nil }
            self = .closed(first: first, last: last)
        }
    }

    /// The bytes meant of `size` in all; nil where there are none, which is answered 416.
    package func resolved(size: Int64) -> Range<Int64>? {
        switch self {
        case .closed(let first, let last):
            first >= 0 && first <= last && first < size ? first..<(last < size ? last + 1 : size) : nil
        case .from(let first):
            first >= 0 && first < size ? first..<size : nil
        case .suffix(let length):
            length > 0 && size > 0 ? max(0, size - length)..<size : nil
        }
    }
}

private func isDecimalDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

/// A `Content-Range` field of an answer. RFC 9110, 14.4.
package struct ContentRange: Sendable, Hashable {
    /// Bytes sent; nil in an answer 416.
    package let range: Range<Int64>?
    /// Bytes in all; nil where the sender does not know.
    package let size: Int64?

    package init(range: Range<Int64>?, size: Int64?) {
        self.range = range
        self.size = size
    }

    /// Returns nil for anything malformed or contradictory.
    package init?(_ field: some StringProtocol) {
        var scanner = FieldScanner(trimmed(field))
        guard isSame(scanner.take(while: isTokenByte), "bytes"), scanner.skipBlanks(),
            let span = scanner.text(before: UInt8(ascii: "/"))
        else { return nil }
        let sizeText = String(decoding: scanner.take { _ in true }, as: UTF8.self)
        let size = decimal(sizeText)
        guard size != nil || sizeText == "*" else { return nil }
        if span == "*" {
            guard size != nil else { return nil }
            self.init(range: nil, size: size)
            return
        }
        var bounds = FieldScanner(span)
        guard let first = bounds.text(before: UInt8(ascii: "-")).flatMap({ decimal($0) }),
            let last = decimal(String(decoding: bounds.take { _ in true }, as: UTF8.self)), first <= last,
            size.map({ last < $0 }) ?? true
        else { return nil }
        self.init(range: first..<(last + 1), size: size)
    }

    package var description: String {
        let span = range.map { "\($0.lowerBound)-\($0.upperBound - 1)" } ?? "*"
        return "bytes \(span)/\(size.map(String.init) ?? "*")"
    }
}
