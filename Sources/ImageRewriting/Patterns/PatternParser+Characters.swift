// Escapes, and characters within brackets.

extension PatternParser {
    mutating func escape() throws(PatternError) -> PatternSyntax {
        let start = position
        position += 1
        guard let scalar = current else { throw .badEscape("\\") }
        if let set = try namedClass() { return .set(set) }
        switch scalar {
        case "A": position += 1; return .assertion(.textStart)
        case "z": position += 1; return .assertion(.textEnd)
        case "b": position += 1; return .assertion(.wordBoundary)
        case "B": position += 1; return .assertion(.noWordBoundary)
        default: return literal(try escapedScalar(from: start))
        }
    }

    /// After the backslash: `d`, `D`, `w`, `W`, `s`, `S`, `pN`, `p{Greek}`.
    private mutating func namedClass() throws(PatternError) -> ScalarSet? {
        let set: ScalarSet
        switch current {
        case "d": set = .digits
        case "D": set = ScalarSet.digits.inverted
        case "w": set = .word
        case "W": set = ScalarSet.word.inverted
        case "s": set = .space
        case "S": set = ScalarSet.space.inverted
        case "p", "P": throw .badClassName("\\\(current.map(String.init) ?? "")")
        default: return nil
        }
        position += 1
        return set
    }

    /// After the backslash: a control character, an octal or hexadecimal number, or punctuation for itself.
    private mutating func escapedScalar(from start: Int) throws(PatternError) -> Unicode.Scalar {
        guard let scalar = current else { throw .badEscape("\\") }
        position += 1
        switch scalar {
        case "a": return "\u{7}"
        case "f": return "\u{c}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "v": return "\u{b}"
        case "x": return try hexadecimal(from: start)
        case "0"..."7":
            // A single digit from 1 to 7 would be a back-reference.
            guard scalar == "0" || current.map({ ("0"..."7").contains($0) }) == true else { break }
            var value = scalar.value - 48
            for _ in 0..<2 {
                guard let digit = current, ("0"..."7").contains(digit) else { break }
                value = value * 8 + digit.value - 48
                position += 1
            }
            if let result = Unicode.Scalar(value) { return result }
        default:
            if scalar.isASCII, !ScalarSet.word.contains(scalar.value) || scalar == "_" { return scalar }
        }
        throw .badEscape(text(from: start))
    }

    private mutating func hexadecimal(from start: Int) throws(PatternError) -> Unicode.Scalar {
        let isBraced = skip("{")
        var digits = ""
        while let scalar = current, scalar.properties.isASCIIHexDigit, digits.count < (isBraced ? 8 : 2) {
            digits.unicodeScalars.append(scalar)
            position += 1
        }
        guard isBraced ? skip("}") : digits.count == 2, let value = UInt32(digits, radix: 16),
            let scalar = Unicode.Scalar(value)
        else { throw .badEscape(text(from: start)) }
        return scalar
    }

    mutating func characterClass() throws(PatternError) -> ScalarSet {
        position += 1
        let isInverted = skip("^")
        var set = ScalarSet([])
        var isFirst = true
        while current != "]" || isFirst {
            guard current != nil else { throw .unclosedClass }
            isFirst = false
            if let named = try bracketClass() {
                set = set.union(named)
                continue
            }
            let start = position
            let low = try classScalar()
            var high = low
            if current == "-", position + 1 < scalars.count, scalars[position + 1] != "]" {
                position += 1
                high = try classScalar()
            }
            guard low.value <= high.value else { throw .badRange(text(from: start)) }
            set = set.union(ScalarSet([low.value...high.value]))
        }
        position += 1
        if flags.ignoresCase { set = set.caseFolded }
        return isInverted ? set.inverted : set
    }

    /// `[:alpha:]`, `[:^alpha:]`, `\d` within brackets.
    private mutating func bracketClass() throws(PatternError) -> ScalarSet? {
        if current == "\\" {
            position += 1
            if let set = try namedClass() { return set }
            position -= 1
            return nil
        }
        let start = position
        guard skip("[:") else { return nil }
        let isInverted = skip("^")
        var name = ""
        while let scalar = current, ("a"..."z").contains(scalar) {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard skip(":]") else {
            // `[[:]` is a bracket and a colon.
            position = start
            return nil
        }
        guard let set = ScalarSet.posix(name) else { throw .badClassName(text(from: start)) }
        return isInverted ? set.inverted : set
    }

    private mutating func classScalar() throws(PatternError) -> Unicode.Scalar {
        guard let scalar = current else { throw .unclosedClass }
        let start = position
        position += 1
        return scalar == "\\" ? try escapedScalar(from: start) : scalar
    }
}
