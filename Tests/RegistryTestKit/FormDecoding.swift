internal import FoundationEssentials

/// The user and password of a `Basic` field; nil where it is none.
func basicCredentials(_ field: String?) -> (username: String, password: String)? {
    guard let field, field.hasPrefix("Basic "), let data = Data(base64Encoded: String(field.dropFirst(6))) else {
        return nil
    }
    let text = String(decoding: data, as: UTF8.self)
    guard let colon = text.firstIndex(of: ":") else { return nil }
    return (String(text[..<colon]), String(text[text.index(after: colon)...]))
}

/// The pairs of a query or a form body.
func decodedForm(_ text: String) -> [(name: String, value: String)] {
    text.split(separator: "&").map { pair in
        let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (decoded(sides[0], plusIsSpace: true), sides.count > 1 ? decoded(sides[1], plusIsSpace: true) : "")
    }
}

/// `text` without percent-encoding; malformed sequences stay as they are.
func decoded(_ text: some StringProtocol, plusIsSpace: Bool) -> String {
    var result: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "%"), rest.count >= 2,
            let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
        {
            result.append(value)
            rest = rest.dropFirst(2)
        } else {
            result.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
        }
    }
    return String(decoding: result, as: UTF8.self)
}
