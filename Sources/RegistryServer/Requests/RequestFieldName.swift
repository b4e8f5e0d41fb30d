/// The fields of a request that mean anything here.
enum RequestFieldName {
    case host, range, ifRange, ifNoneMatch, cacheControl, userAgent, clientName, authorization, mirrored, grant, proof
    case expect, upgrade, contentLength, transferEncoding
    /// The parser's own matter: they say whether the connection goes on.
    case connection, proxyConnection

    /// Nil for every other field, all of which are dropped.
    init?(_ name: UnsafeBufferPointer<UInt8>) {
        let found: RequestFieldName?
        switch name.count {
        case 4: found = Self.isSame(name, "host") ? .host : nil
        case 5: found = Self.isSame(name, "range") ? .range : nil
        case 6:
            found = Self.isSame(name, "expect") ? .expect : Self.isSame(name, "pragma") ? .cacheControl : nil
        case 7: found = Self.isSame(name, "upgrade") ? .upgrade : nil
        case 8: found = Self.isSame(name, "if-range") ? .ifRange : nil
        case 10:
            found =
                Self.isSame(name, "user-agent")
                ? .userAgent
                : Self.isSame(name, "connection")
                    ? .connection
                    : Self.isSame(name, "weir-grant") ? .grant : Self.isSame(name, "weir-proof") ? .proof : nil
        case 11: found = Self.isSame(name, "weir-client") ? .clientName : nil
        case 13:
            found =
                Self.isSame(name, "authorization")
                ? .authorization
                : Self.isSame(name, "if-none-match")
                    ? .ifNoneMatch : Self.isSame(name, "cache-control") ? .cacheControl : nil
        case 14: found = Self.isSame(name, "content-length") ? .contentLength : nil
        case 16: found = Self.isSame(name, "proxy-connection") ? .proxyConnection : nil
        case 17:
            found =
                Self.isSame(name, "transfer-encoding")
                ? .transferEncoding : Self.isSame(name, "x-spegel-mirrored") ? .mirrored : nil
        default: found = nil
        }
        guard let found else { return nil }
        self = found
    }

    /// `lowercased` is letters and dashes only, and as long as `name`.
    private static func isSame(_ name: UnsafeBufferPointer<UInt8>, _ lowercased: StaticString) -> Bool {
        let expected = UnsafeBufferPointer(start: lowercased.utf8Start, count: name.count)
        for (byte, other) in zip(name, expected) {
            guard byte == other || ((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) && byte | 0x20 == other)
            else { return false }
        }
        return true
    }
}
