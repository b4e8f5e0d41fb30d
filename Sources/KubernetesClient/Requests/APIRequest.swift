internal import NIOHTTP1

/// One request to the API server.
struct APIRequest {
    var method: HTTPMethod
    var path: String
    var query: [(name: String, value: String)] = []
    var body: [UInt8]?
    var contentType = "application/json"
    /// What the answer may be.
    var accept = "application/json"

    /// Path and query as they are sent.
    var target: String {
        guard !query.isEmpty else { return path }
        return path + "?"
            + query.map { "\($0.name)=\(Self.percentEncoded($0.value))" }.joined(separator: "&")
    }

    /// Everything but unreserved characters (RFC 3986, section 2.3) encoded.
    private static func percentEncoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                result += hex.utf8.count == 1 ? "%0\(hex)" : "%\(hex)"
            }
        }
        return result
    }
}
