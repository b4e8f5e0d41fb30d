internal import NIOHTTP1

/// The fields of a request that mean anything here, found in one pass. All others are dropped at this point:
/// `Cookie` and the like reach neither the cache nor a log; `Authorization` goes no further than
/// ``NodeDispatcher`` and ``GrantPage``.
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
    /// Looked at by the registry of a node, where it asks for a password, and where grants are given.
    var authorization: String?
    /// What a peer shows for private content; given twice it is nothing.
    var grant: String?
    var proof: String?
    var framing = BodyFraming.none
    /// `Content-Length` that is no number, or is given more than once. The parser of HTTP/1.1 refuses most such
    /// requests itself.
    var isMisframed = false
    var expectsContinue = false
    /// The client would like to go on with another protocol; the parser stops after such a request.
    var asksForUpgrade = false
    private var rangeCount: UInt8 = 0
    private var lengthCount: UInt8 = 0
    private var grantCount: UInt8 = 0
    private var proofCount: UInt8 = 0

    init() {}

    init(_ headers: HTTPHeaders) {
        for (name, value) in headers {
            var name = name
            if let name = name.withUTF8({ RequestFieldName($0) }) { add(name, value) }
        }
    }

    /// To be called once for each field, in the order in which they came.
    mutating func add(_ name: RequestFieldName, _ value: String) {
        switch name {
        case .host:
            hostCount += 1
            host = value
        case .range:
            rangeCount = min(2, rangeCount + 1)
            // Two `Range` fields mean nothing; no field at all is what they are answered as.
            range = rangeCount == 1 ? value : nil
        case .ifRange: ifRange = value
        case .ifNoneMatch: ifNoneMatch = joined(ifNoneMatch, value)
        case .cacheControl: cacheControl = joined(cacheControl, value)
        case .userAgent: userAgent = value
        case .clientName: clientName = Self.clientName(value)
        case .authorization: authorization = value
        case .grant:
            grantCount = min(2, grantCount + 1)
            grant = grantCount == 1 ? value : nil
        case .proof:
            proofCount = min(2, proofCount + 1)
            proof = proofCount == 1 ? value : nil
        case .mirrored: isMirrored = value == "true"
        case .expect: expectsContinue = true
        case .upgrade: asksForUpgrade = true
        case .contentLength:
            lengthCount = min(2, lengthCount + 1)
            guard lengthCount == 1, framing != .chunked, let length = Int64(value), length >= 0 else {
                isMisframed = true
                return
            }
            if length > 0 { framing = .length(length) }
        case .transferEncoding:
            if lengthCount > 0 { isMisframed = true }
            framing = .chunked
        case .connection, .proxyConnection: return
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
}
