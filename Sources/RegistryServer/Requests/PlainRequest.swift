/// The head of a request as nearly every client of a registry sends it: GET or HEAD in HTTP/1.1, whole, without a body,
/// on a connection that goes on.
///
/// Read in one pass over the bytes, without a text for any field that means nothing here, at a small part of what the
/// general parser costs. It knows nothing that the general parser does not: whatever is in any way out of the ordinary
/// is left to that one to read or refuse, so that there is no request that the two understand differently.
struct PlainRequest {
    let method: Request.Method
    /// As it was sent; begins with a slash.
    let target: String
    let fields: RequestFields
    /// Bytes that the head takes, its last line end included.
    let count: Int

    /// Nil where `bytes` do not begin with such a head.
    /// - Parameter limitBytes: of a head; a longer one is not read here.
    init?(_ bytes: UnsafeBufferPointer<UInt8>, limitBytes: Int) {
        var cursor = Cursor(bytes: UnsafeBufferPointer(rebasing: bytes.prefix(limitBytes)))
        if cursor.take("GET ") {
            method = .get
        } else if cursor.take("HEAD ") {
            method = .head
        } else {
            return nil
        }
        guard let target = cursor.target(), cursor.take(" HTTP/1.1\r\n") else { return nil }
        var fields = RequestFields()
        var fieldCount = 0
        while !cursor.take("\r\n") {
            guard fieldCount < Self.fieldLimit, let name = cursor.name(), let value = cursor.value() else { return nil }
            fieldCount += 1
            switch RequestFieldName(name) {
            case nil: continue
            case .expect, .upgrade, .contentLength, .transferEncoding, .connection, .proxyConnection: return nil
            case let name?: fields.add(name, String(decoding: value, as: UTF8.self))
            }
        }
        guard fields.hostCount == 1 else { return nil }
        self.target = String(decoding: target, as: UTF8.self)
        self.fields = fields
        count = cursor.position
    }

    /// Fewer than the general parser's limit.
    private static let fieldLimit = 64

    private struct Cursor {
        let bytes: UnsafeBufferPointer<UInt8>
        var position = 0

        /// Goes past `text` where it comes next.
        mutating func take(_ text: StaticString) -> Bool {
            let count = text.utf8CodeUnitCount
            guard bytes.count - position >= count else { return false }
            for offset in 0..<count where bytes[position + offset] != text.utf8Start[offset] { return false }
            position += count
            return true
        }

        /// An absolute path and a query, without a fragment.
        mutating func target() -> UnsafeBufferPointer<UInt8>? {
            guard position < bytes.count, bytes[position] == UInt8(ascii: "/") else { return nil }
            return run(of: .target)
        }

        /// A field's name; goes past its colon.
        mutating func name() -> UnsafeBufferPointer<UInt8>? {
            guard let name = run(of: .name), position < bytes.count, bytes[position] == UInt8(ascii: ":") else {
                return nil
            }
            position += 1
            return name
        }

        /// A field's value without the blanks before it; goes past the line's end. Not one with blanks after it, which
        /// the general parser does not take off.
        mutating func value() -> UnsafeBufferPointer<UInt8>? {
            while position < bytes.count, isBlank(bytes[position]) { position += 1 }
            let start = position
            // Printable ASCII, blanks and tabs: RFC 9110, 5.5, without what is obsolete there.
            while position < bytes.count, (0x20...0x7E).contains(bytes[position]) || bytes[position] == 0x09 {
                position += 1
            }
            let value = UnsafeBufferPointer(rebasing: bytes[start..<position])
            guard value.last.map(isBlank) != true, take("\r\n") else { return nil }
            return value
        }

        private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

        /// One byte of a class, or more.
        private mutating func run(of set: ByteClass) -> UnsafeBufferPointer<UInt8>? {
            let start = position
            while position < bytes.count, set.contains(bytes[position]) { position += 1 }
            return position > start ? UnsafeBufferPointer(rebasing: bytes[start..<position]) : nil
        }
    }
}

/// Bytes that may stand in a part of a head. Never more than RFC 9110 and 9112 allow there.
private struct ByteClass {
    /// A bit for each of ASCII.
    private let low: UInt64
    private let high: UInt64

    @inline(__always) func contains(_ byte: UInt8) -> Bool {
        switch byte {
        case 0..<64: low & (1 << UInt64(byte)) != 0
        case 64..<128: high & (1 << UInt64(byte & 63)) != 0
        default: false
        }
    }

    /// Letters and digits, and what `text` has.
    private init(_ text: StaticString) {
        var (low, high) = (UInt64(0), UInt64(0))
        func add(_ byte: UInt8) {
            if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte & 63) }
        }
        text.withUTF8Buffer { $0.forEach(add) }
        for byte in UInt8(ascii: "a")...UInt8(ascii: "z") {
            add(byte)
            add(byte & ~0x20)
        }
        for byte in UInt8(ascii: "0")...UInt8(ascii: "9") { add(byte) }
        (self.low, self.high) = (low, high)
    }

    /// What a registry's paths and queries are made of; other characters that a target may have are rare.
    static let target = ByteClass("-._~:/?@!$&'()*+,;=%")
    /// RFC 9110, 5.6.2, "token".
    static let name = ByteClass("!#$%&'*+-.^_`|~")
}
