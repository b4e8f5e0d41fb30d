internal import Crypto
internal import FoundationEssentials
internal import Timekeeping

/// Amazon's Signature Version 4 in the `Authorization` field.
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
struct SignatureV4: Sendable {
    let keys: AmazonKeys
    let region: String
    let service: String

    /// Adds `Host`, `X-Amz-Date`, the session token, and the signature over all fields.
    func sign(_ request: inout CloudRequest, at now: Timestamp) {
        let (date, moment) = Self.text(of: now)
        request.fields.removeAll { ["host", "x-amz-date", "x-amz-security-token"].contains($0.name.lowercased()) }
        request.fields += [("Host", request.host), ("X-Amz-Date", moment)]
        if let token = keys.sessionToken { request.fields.append(("X-Amz-Security-Token", token)) }
        let (canonical, signed) = canonical(request)
        let scope = "\(date)/\(region)/\(service)/aws4_request"
        let text = "AWS4-HMAC-SHA256\n\(moment)\n\(scope)\n\(Self.hex(SHA256.hash(data: Array(canonical.utf8))))"
        let authorization =
            "AWS4-HMAC-SHA256 Credential=\(keys.identifier)/\(scope), SignedHeaders=\(signed), "
            + "Signature=\(signature(of: text, date: date))"
        request.fields.append(("Authorization", authorization))
    }

    private func signature(of text: String, date: String) -> String {
        var key = SymmetricKey(data: Array("AWS4\(keys.secret)".utf8))
        for part in [date, region, service, "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
        return Self.hex(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
    }

    private func canonical(_ request: CloudRequest) -> (text: String, signed: String) {
        let query = request.query.map { (URLText.escaped($0.name), URLText.escaped($0.value)) }.sorted { $0 < $1 }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        var fields: [String: [String]] = [:]
        for (name, value) in request.fields { fields[name.lowercased(), default: []].append(Self.folded(value)) }
        let names = fields.keys.sorted()
        let lines = names.map { "\($0):\((fields[$0] ?? []).joined(separator: ","))\n" }.joined()
        let signed = names.joined(separator: ";")
        let body = Self.hex(SHA256.hash(data: request.body))
        let path = URLText.escaped(request.path, keepingSlashes: true)
        return ("\(request.method)\n\(path)\n\(query)\n\(lines)\n\(signed)\n\(body)", signed)
    }

    /// Without white space at its ends, and runs of it as one.
    private static func folded(_ value: String) -> String {
        value.split { $0 == " " || $0 == "\t" || $0.isNewline }.joined(separator: " ")
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// `20150830` and `20150830T123600Z`.
    private static func text(of now: Timestamp) -> (date: String, moment: String) {
        let text = Date(timeIntervalSince1970: Double(now.seconds)).formatted(.iso8601)
            .filter { !"-:".contains($0) }
        return (String(text.prefix(8)), text)
    }
}
