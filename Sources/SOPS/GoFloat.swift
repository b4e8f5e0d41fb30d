/// Go's `FormatFloat(value, 'f', -1, 64)`: the shortest digits that give the same number, without an exponent.
enum GoFloat {
    static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        let sign = value.sign == .minus ? "-" : ""
        // Swift's shortest digits are Go's; only their arrangement differs.
        let parts = "\(value.magnitude)".split(separator: "e")
        let exponent = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".")
        var whole = String(mantissa[0])
        var fraction = mantissa.count == 2 && mantissa[1] != "0" ? String(mantissa[1]) : ""
        if exponent > 0 {
            let padded = fraction + String(repeating: "0", count: max(0, exponent - fraction.utf8.count))
            whole += padded.prefix(exponent)
            fraction = String(padded.dropFirst(exponent))
        } else if exponent < 0 {
            let padded = String(repeating: "0", count: -exponent) + whole
            fraction = String(padded.suffix(-exponent)) + fraction
            whole = String(padded.dropLast(-exponent))
        }
        let trimmed = whole.drop { $0 == "0" }
        return sign + (trimmed.isEmpty ? "0" : trimmed) + (fraction.isEmpty ? "" : ".\(fraction)")
    }
}
