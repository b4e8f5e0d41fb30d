internal import NIOHTTP1

/// The fields of a request that mean anything here, found in one pass. All others are dropped at this point:
/// `Cookie` and the like reach neither the cache nor a log; `Authorization` goes no further than ``NodeDispatcher``.
struct RequestFields: Sendable, Hashable {
    /// How a request's body is delimited. RFC 9112, 6.
    enum BodyFraming: Sendable, Hashable {
        case none
        case length(Int64)
        case chunked
    }

    var host: String?
    var hostCount = 0
    var range: String?
    var ifRange: String?
    var ifNoneMatch: String?
    /// `Cache-Control` and `Pragma`, joined.
    var cacheControl: String?
    var userAgent: String?
    /// Whom the client says that it is, for the books of spent pulls: letters, digits and `._/@-`, 64 at the most.
    var clientName: String?
    /// A peer asks, of whom no other peer is to be asked in turn.
    var isMirrored = false
    /// Looked at by the registry of a node alone, where it asks for a password.
    var authorization: String?
    var framing = BodyFraming.none
    /// `Content-Length` that is no number, or is given more than once. The parser of HTTP/1.1 refuses most such
    /// requests itself.
    var isMisframed = false
    var expectsContinue = false
    /// The client would like to go on with another protocol; the parser stops after such a request.
    var asksForUpgrade = false

    init(_ headers: HTTPHeaders) {
        var rangeCount = 0
        var lengthCount = 0
        for (name, value) in headers {
            switch name.utf8.count {
            case 4 where isField(name, "host"):
                hostCount += 1
                host = value
            case 5 where isField(name, "range"):
                rangeCount += 1
                // Two `Range` fields mean nothing; no field at all is what they are answered as.
                range = rangeCount == 1 ? value : nil
            case 6 where isField(name, "expect"): expectsContinue = true
            case 6 where isField(name, "pragma"): cacheControl = joined(cacheControl, value)
            case 7 where isField(name, "upgrade"): asksForUpgrade = true
            case 8 where isField(name, "if-range"): ifRange = value
            case 10 where isField(name, "user-agent"): userAgent = value
            case 11 where isField(name, "weir-client"): clientName = Self.clientName(value)
            case 13 where isField(name, "authorization"): authorization = value
            case 13 where isField(name, "if-none-match"): ifNoneMatch = joined(ifNoneMatch, value)
            case 13 where isField(name, "cache-control"): cacheControl = joined(cacheControl, value)
            case 14 where isField(name, "content-length"):
                lengthCount += 1
                guard lengthCount == 1, framing != .chunked, let length = Int64(value), length >= 0 else {
                    isMisframed = true
                    continue
                }
                if length > 0 { framing = .length(length) }
            case 17 where isField(name, "transfer-encoding"):
                if lengthCount > 0 { isMisframed = true }
                framing = .chunked
            case 17 where isField(name, "x-spegel-mirrored"): isMirrored = value == "true"
            default: continue
            }
        }
    }

    /// What else a client may write there has no place in a list for people.
    private static func clientName(_ value: String) -> String? {
        let isName =
            (1...64).contains(value.utf8.count)
            && value.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "/"),
                    UInt8(ascii: "@"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        return isName ? value : nil
    }

    private func joined(_ first: String?, _ second: String) -> String { first.map { "\($0), \(second)" } ?? second }

    /// `lowercased` is letters and dashes only, and as long as `name`.
    private func isField(_ name: String, _ lowercased: StaticString) -> Bool {
        lowercased.withUTF8Buffer { expected in
            zip(name.utf8, expected).allSatisfy { byte, other in
                byte == other || ((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) && byte | 0x20 == other)
            }
        }
    }
}
