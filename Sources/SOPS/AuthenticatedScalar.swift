/// What SOPS authenticates of a value that is not encrypted: it reads the file with go-yaml, and writes the value anew.
/// gopkg.in/yaml.v3, resolve.go; getsops/sops, `ToBytes`.
enum AuthenticatedScalar: Equatable {
    /// Passed over.
    case null
    case bytes([UInt8])
    /// A date without quotes, whose form depends on the version of SOPS.
    case date
    /// A number that SOPS itself cannot authenticate.
    case unsupported

    /// - Parameters:
    ///   - text: a scalar without quotes.
    ///   - numbersAreFloats: as in JSON files, where every number is one.
    init(plain text: String, numbersAreFloats: Bool) {
        switch text {
        case "", "~", "null", "Null", "NULL": self = .null
        case "true", "True", "TRUE": self = .bytes(Array("True".utf8))
        case "false", "False", "FALSE": self = .bytes(Array("False".utf8))
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": self = .bytes(Array("+Inf".utf8))
        case "-.inf", "-.Inf", "-.INF": self = .bytes(Array("-Inf".utf8))
        case ".nan", ".NaN", ".NAN": self = .bytes(Array("NaN".utf8))
        default: self = Self.number(text, numbersAreFloats) ?? .bytes(Array(text.utf8))
        }
    }

    private static func number(_ text: String, _ numbersAreFloats: Bool) -> AuthenticatedScalar? {
        guard let first = text.utf8.first, isDigit(first) || "+-.".utf8.contains(first) else { return nil }
        if isDate(text) { return .date }
        let plain = text.filter { $0 != "_" }
        if !numbersAreFloats, first != UInt8(ascii: ".") {
            switch integer(plain) {
            case .some(.some(let value)): return .bytes(Array("\(value)".utf8))
            case .some(nil): return .unsupported
            case nil: break
            }
        }
        guard isFloat(plain), let value = Double(plain) else { return nil }
        return .bytes(Array(GoFloat.text(value).utf8))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    /// `2006-1-2`, with or without a time after it.
    private static func isDate(_ text: String) -> Bool {
        let parts = text.split(separator: "-", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 4, parts[0].utf8.allSatisfy(isDigit),
            (1...2).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy(isDigit)
        else { return false }
        let day = parts[2].utf8.prefix { isDigit($0) }
        guard (1...2).contains(day.count) else { return false }
        let rest = parts[2].utf8.dropFirst(day.count)
        return rest.isEmpty || "Tt ".utf8.contains(rest[rest.startIndex])
    }

    /// Go's `ParseInt` with base 0. Nil: no integer; nil inside: one beyond 64 bits.
    private static func integer(_ text: String) -> Int64?? {
        var rest = text[...]
        var isNegative = false
        if let sign = rest.first, sign == "+" || sign == "-" {
            isNegative = sign == "-"
            rest = rest.dropFirst()
        }
        var radix = 10
        for (prefix, base) in [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2), ("0o", 8), ("0O", 8)]
        where rest.hasPrefix(prefix) {
            radix = base
            rest = rest.dropFirst(2)
        }
        if radix == 10, rest.utf8.count > 1, rest.hasPrefix("0") {
            radix = 8
            rest = rest.dropFirst()
        }
        let isWellFormed = rest.utf8.allSatisfy { digit($0).map { $0 < radix } ?? false }
        guard !rest.isEmpty, isWellFormed else { return nil }
        return .some(Int64((isNegative ? "-" : "") + rest, radix: radix))
    }

    private static func digit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    /// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
    private static func isFloat(_ text: String) -> Bool {
        var rest = Substring(text).utf8
        func digits() -> Int {
            let count = rest.prefix { isDigit($0) }.count
            rest = rest.dropFirst(count)
            return count
        }
        func take(_ choices: String) -> Bool {
            guard let byte = rest.first, choices.utf8.contains(byte) else { return false }
            rest = rest.dropFirst()
            return true
        }
        _ = take("+-")
        let whole = digits()
        if take(".") {
            guard digits() > 0 || whole > 0 else { return false }
        } else if whole == 0 {
            return false
        }
        if take("eE") {
            _ = take("+-")
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }
}
