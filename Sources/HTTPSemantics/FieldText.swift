/// A hundred years: beyond that a number of seconds from outside is nonsense, and arithmetic stays in range.
let maximumSeconds: Int64 = 3_153_600_000

/// Space or horizontal tab. RFC 9110, 5.6.3.
func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

/// `text` without the white space around it. RFC 9110, 5.6.3.
func trimmed(_ text: some StringProtocol) -> Substring {
    var bytes = Substring(text).utf8
    while let first = bytes.first, isBlank(first) { bytes.removeFirst() }
    while let last = bytes.last, isBlank(last) { bytes.removeLast() }
    return Substring(bytes)
}

/// `text` as a number, if it is nothing but 1 to 18 decimal digits: no sign, no blank, and no overflow.
package func decimal(_ text: some StringProtocol) -> Int64? {
    guard text.utf8.count <= 18 else { return nil }
    return saturatingDecimal(text)
}

/// `text` as a number, if it is nothing but decimal digits; what is too large becomes `Int64.max`.
func saturatingDecimal(_ text: some StringProtocol) -> Int64? {
    guard !text.isEmpty else { return nil }
    var value: Int64 = 0
    for byte in text.utf8 {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        let (tenfold, isBeyond) = value.multipliedReportingOverflow(by: 10)
        let (sum, isStillBeyond) = tenfold.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
        value = isBeyond || isStillBeyond ? .max : sum
    }
    return value
}

/// Whether `text` is `word`, upper and lower case being the same; `word` is lower-case ASCII.
func isSame(_ text: some Collection<UInt8>, _ word: StaticString) -> Bool {
    word.withUTF8Buffer { word in
        text.count == word.count
            && zip(text, word).allSatisfy { byte, expected in
                byte == expected || ((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) && byte | 0x20 == expected)
            }
    }
}

/// A character of a token. RFC 9110, 5.6.2.
func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}
