/// A request to a cloud's API or metadata service. Never printed whole: its fields and body may be secret.
struct CloudRequest: Sendable, CustomStringConvertible, CustomReflectable {
    var method = "GET"
    /// Scheme, host and port: `https://sts.eu-central-1.amazonaws.com`.
    var origin: String
    var path = "/"
    var query: [(name: String, value: String)] = []
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// To a service of this machine's own platform, which no proxy could reach.
    var isLocal = false

    /// A form, as OAuth 2 wants it.
    static func form(
        _ origin: String, _ path: String, _ pairs: [(name: String, value: String)]
    ) -> CloudRequest {
        CloudRequest(
            method: "POST", origin: origin, path: path,
            fields: [("Content-Type", "application/x-www-form-urlencoded")],
            body: Array(URLText.query(pairs).utf8))
    }

    /// Without scheme.
    var host: String { origin.firstRange(of: "://").map { String(origin[$0.upperBound...]) } ?? origin }

    var url: String { origin + path + (query.isEmpty ? "" : "?\(URLText.query(query))") }

    var description: String { "\(method) to \(host)" }
    var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Texts within URLs. RFC 3986, section 2.
enum URLText {
    /// All but the unreserved characters escaped.
    static func escaped(_ text: some StringProtocol, keepingSlashes: Bool = false) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "/") where keepingSlashes: result += "/"
            default: result += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }

    static func query(_ pairs: [(name: String, value: String)]) -> String {
        pairs.map { "\(escaped($0.name))=\(escaped($0.value))" }.joined(separator: "&")
    }

    /// The scheme, host and port of `url`, and its path with the query; nil where it is no URL of HTTP, or has an
    /// account in it.
    static func split(_ url: String) -> (origin: String, path: String)? {
        guard url.hasPrefix("https://") || url.hasPrefix("http://"), let scheme = url.firstRange(of: "://"),
            url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        let host = url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !host.isEmpty, !host.contains("@") else { return nil }
        let path = url[host.endIndex...]
        return (String(url[..<host.endIndex]), path.hasPrefix("/") ? String(path) : "/\(path)")
    }
}
