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
        let text = trimmed(field)
        guard text.lowercased().hasPrefix("bytes=") else { return nil }
        let specification = trimmed(text.dropFirst(6))
        guard !specification.contains(","), let dash = specification.firstIndex(of: "-") else { return nil }
        let first = specification[..<dash]
        let last = specification[specification.index(after: dash)...]
        switch (first.isEmpty, last.isEmpty) {
        case (true, true): return nil
        case (true, false):
            guard let length = decimal(last) else { return nil }
            self = .suffix(length: length)
        case (false, true):
            guard let first = decimal(first) else { return nil }
            self = .from(first)
        case (false, false):
            guard let first = decimal(first), let last = decimal(last), first <= last else { return nil }
            self = .closed(first: first, last: last)
        }
    }

    /// The bytes meant of `size` in all; nil where there are none, which is answered 416.
    package func resolved(size: Int64) -> Range<Int64>? {
        switch self {
        case .closed(let first, let last):
            first < size ? first..<min(last &+ 1, size) : nil
        case .from(let first):
            first < size ? first..<size : nil
        case .suffix(let length):
            length > 0 && size > 0 ? max(0, size - length)..<size : nil
        }
    }
}

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
        let text = trimmed(field)
        guard text.lowercased().hasPrefix("bytes ") else { return nil }
        let rest = trimmed(text.dropFirst(6))
        guard let slash = rest.firstIndex(of: "/") else { return nil }
        let sizeText = rest[rest.index(after: slash)...]
        let size: Int64?
        if sizeText == "*" {
            size = nil
        } else {
            guard let number = decimal(sizeText) else { return nil }
            size = number
        }
        if rest[..<slash] == "*" {
            guard size != nil else { return nil }
            self.init(range: nil, size: size)
            return
        }
        let bounds = rest[..<slash].split(separator: "-", omittingEmptySubsequences: false)
        guard bounds.count == 2, let first = decimal(bounds[0]), let last = decimal(bounds[1]), first <= last,
            size.map({ last < $0 }) ?? true
        else { return nil }
        self.init(range: first..<(last + 1), size: size)
    }

    package var description: String {
        let span = range.map { "\($0.lowerBound)-\($0.upperBound - 1)" } ?? "*"
        return "bytes \(span)/\(size.map(String.init) ?? "*")"
    }
}
