/// What a request line asks for: a path and a query. RFC 9112, 3.2.
///
/// Only printable ASCII passes, before and after percent-decoding, since nothing that a registry serves is called
/// otherwise; whatever does not pass can then not reach a log, a file name or an upstream.
struct RequestTarget: Sendable, Hashable {
    /// Percent-decoded. Begins with a slash.
    let path: String
    /// As it was sent, without the question mark.
    let query: RequestQuery
    /// The authority of an absolute-form target, which goes before the `Host` field (RFC 9112, 3.2.2).
    let authority: String?

    /// - Parameter limitBytes: of the whole target.
    init(_ text: String, limitBytes: Int) throws(RequestTargetError) {
        guard text.utf8.count <= limitBytes else { throw .tooLong(limitBytes: limitBytes) }
        var text = text
        let scan = text.withUTF8 { Scan($0) }
        guard scan.isPrintable else { throw .malformed }
        if scan.isOriginForm, !scan.hasEscapes {
            // What nearly every client sends.
            authority = nil
            let mark = scan.questionMark.map { text.utf8.index(text.startIndex, offsetBy: $0) }
            query = RequestQuery(mark.map { text[text.utf8.index(after: $0)...] } ?? "")
            path = mark.map { String(text[..<$0]) } ?? text
            return
        }
        var rest = text[...]
        authority = try Self.cutAuthority(from: &rest)
        let mark = rest.utf8.firstIndex(of: UInt8(ascii: "?"))
        query = RequestQuery(mark.map { rest[rest.utf8.index(after: $0)...] } ?? "")
        let rawPath = rest[..<(mark ?? rest.endIndex)]
        if scan.hasEscapes {
            guard let decoded = percentDecoded(rawPath, allowing: { (0x21...0x7E).contains($0) && $0 != slash }) else {
                throw .malformed
            }
            path = decoded
        } else {
            path = String(rawPath)
        }
    }

    /// What one pass over the bytes tells.
    private struct Scan {
        var isPrintable = true
        var hasEscapes = false
        var isOriginForm: Bool
        var questionMark: Int?

        init(_ bytes: UnsafeBufferPointer<UInt8>) {
            isOriginForm = bytes.first == slash
            for (offset, byte) in bytes.enumerated() {
                switch byte {
                case UInt8(ascii: "%"): hasEscapes = true
                case UInt8(ascii: "?"): if questionMark == nil { questionMark = offset }
                case UInt8(ascii: "#"): isPrintable = false
                case 0x21...0x7E: continue
                default: isPrintable = false
                }
            }
        }
    }

    /// Leaves the path and query in `rest`.
    private static func cutAuthority(from rest: inout Substring) throws(RequestTargetError) -> String? {
        if rest.utf8.first == slash { return nil }
        let scheme = rest.prefix(8).lowercased()
        guard scheme.hasPrefix("http://") || scheme == "https://" else { throw .malformed }
        let after = rest.dropFirst(scheme.hasPrefix("https") ? 8 : 7)
        let end = after.utf8.firstIndex { $0 == slash || $0 == UInt8(ascii: "?") } ?? after.endIndex
        let authority = after[..<end]
        // User information has no place in a request to a server (RFC 9110, 4.2.4).
        guard !authority.isEmpty, !authority.utf8.contains(UInt8(ascii: "@")) else { throw .malformed }
        let path = after[end...]
        rest = path.utf8.first == slash ? path : Substring("/" + path)
        return String(authority)
    }
}

/// Why a request's target is refused.
enum RequestTargetError: Error, Hashable, CustomStringConvertible {
    case tooLong(limitBytes: Int)
    case malformed

    var description: String {
        switch self {
        case .tooLong(let limit): "the request's target is longer than \(limit) bytes"
        case .malformed: "the request's target is malformed"
        }
    }
}

private let slash = UInt8(ascii: "/")
