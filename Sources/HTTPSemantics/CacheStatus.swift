/// How an answer came about, as a member of `Cache-Status`. RFC 9211.
package struct CacheStatus: Sendable, Hashable {
    /// Why a request went to the upstream. RFC 9211, 2.2.
    package enum Forward: String, Sendable {
        /// Nothing was cached under that name.
        case uriMiss = "uri-miss"
        /// Something was cached, but no longer fresh.
        case stale
        /// The client asked for it (`Cache-Control: no-cache`).
        case request
        /// Weir does not keep answers of this kind.
        case bypass
        case miss
    }

    package var isHit: Bool
    package var forward: Forward?
    /// The upstream's status, where it was asked and its status is not the answer's.
    package var forwardStatus: Int?
    /// How long the answer stays fresh, in seconds; negative where it is stale by that much.
    package var ttl: Int64?
    package var isStored: Bool
    /// Whether the request joined another that was under way.
    package var isCollapsed: Bool
    /// A token that says more; why something stale was served, for instance.
    package var detail: String?

    package init(
        isHit: Bool, forward: Forward? = nil, forwardStatus: Int? = nil, ttl: Int64? = nil, isStored: Bool = false,
        isCollapsed: Bool = false, detail: String? = nil
    ) {
        self.isHit = isHit
        self.forward = forward
        self.forwardStatus = forwardStatus
        self.ttl = ttl
        self.isStored = isStored
        self.isCollapsed = isCollapsed
        self.detail = detail
    }

    /// The field's value, `cache` being the cache's own name. Well formed whatever the values are.
    package func description(cache: String) -> String {
        var text = item(cache)
        if isHit { text += "; hit" }
        if let forward { text += "; fwd=\(forward.rawValue)" }
        if let forwardStatus { text += "; fwd-status=\(integer(Int64(forwardStatus)))" }
        if let ttl { text += "; ttl=\(integer(ttl))" }
        if isStored { text += "; stored" }
        if isCollapsed { text += "; collapsed" }
        if let detail { text += "; detail=\(item(detail))" }
        return text
    }

    /// RFC 9651, 3.3.1: at most fifteen digits.
    private func integer(_ number: Int64) -> Int64 { min(max(number, -999_999_999_999_999), 999_999_999_999_999) }

    /// As a token where it can be one (RFC 9651, 3.3.4: it begins with a letter or `*`, so `404` is none), and
    /// otherwise as a string: printable ASCII, with `"` and `\` escaped (3.3.3).
    private func item(_ text: String) -> String {
        if let first = text.utf8.first, first == UInt8(ascii: "*") || isLetter(first),
            text.utf8.allSatisfy({ isTokenByte($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "/") })
        {
            return text
        }
        var quoted = "\""
        for scalar in text.unicodeScalars where (0x20...0x7E).contains(scalar.value) {
            if scalar == "\"" || scalar == "\\" { quoted += "\\" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
