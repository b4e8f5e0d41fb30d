/// Reads a regular expression as RE2 does (google/re2, `doc/syntax.txt`).
struct PatternParser {
    /// Groups within groups; keeps the recursion, and with it the stack, small.
    private static let depthLimit = 100
    /// RE2's own bound for a counted repetition.
    private static let countLimit = 1000

    private struct Flags {
        var ignoresCase = false
        var isMultiline = false
        var dotTakesNewline = false
        var isUngreedy = false
    }

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var flags = Flags()
    private var depth = 0
    private(set) var groupCount = 0
    private(set) var groupNames: [Int: String] = [:]

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func parse() throws(PatternError) -> PatternSyntax {
        let syntax = try alternatives()
        guard position == scalars.count else { throw .unexpectedParenthesis }
        return syntax
    }

    private var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private func text(from start: Int) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[min(start, scalars.count)..<min(position, scalars.count)])
        return String(view)
    }

    private mutating func skip(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    // MARK: Structure

    private mutating func alternatives() throws(PatternError) -> PatternSyntax {
        var result = [try sequence()]
        while current == "|" {
            position += 1
            result.append(try sequence())
        }
        return result.count == 1 ? result[0] : .alternatives(result)
    }

    private mutating func sequence() throws(PatternError) -> PatternSyntax {
        var parts: [PatternSyntax] = []
        while let scalar = current, scalar != "|", scalar != ")" {
            if skip("\\Q") {
                while position < scalars.count, !skip("\\E") {
                    parts.append(literal(scalars[position]))
                    position += 1
                }
                if case .set? = parts.last { parts.append(try repeated(parts.removeLast())) }
                continue
            }
            guard let part = try atom(scalar) else { continue }
            parts.append(try repeated(part))
        }
        return parts.isEmpty ? .empty : .sequence(parts)
    }

    /// What stands at the current place; nil for flags, which hold from there on.
    private mutating func atom(_ scalar: Unicode.Scalar) throws(PatternError) -> PatternSyntax? {
        switch scalar {
        case "(": return try group()
        case "[": return .set(try characterClass())
        case "\\": return try escape()
        case "*", "+", "?": throw .nothingToRepeat(String(scalar))
        default: position += 1
        }
        switch scalar {
        case ".": return .set(flags.dotTakesNewline ? .anything : ScalarSet.newline.inverted)
        case "^": return .assertion(flags.isMultiline ? .lineStart : .textStart)
        case "$": return .assertion(flags.isMultiline ? .lineEnd : .textEnd)
        default: return literal(scalar)
        }
    }

    private func literal(_ scalar: Unicode.Scalar) -> PatternSyntax {
        let set = ScalarSet([scalar.value...scalar.value])
        return .set(flags.ignoresCase ? set.caseFolded : set)
    }

    private mutating func group() throws(PatternError) -> PatternSyntax? {
        let start = position
        position += 1
        let outer = flags
        var number: Int?
        if skip("?") {
            if skip("P<") || skip("<") {
                number = try named(from: start)
            } else if try readFlags(from: start) {
                return nil
            }
        } else {
            groupCount += 1
            number = groupCount
        }
        depth += 1
        guard depth <= Self.depthLimit else { throw .tooDeep }
        let inner = try alternatives()
        depth -= 1
        guard current == ")" else { throw .unclosedGroup }
        position += 1
        flags = outer
        return number.map { .group(inner, number: $0) } ?? inner
    }

    private mutating func named(from start: Int) throws(PatternError) -> Int {
        var name = ""
        while let scalar = current, scalar != ">" {
            guard ScalarSet.word.contains(scalar.value) else { break }
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard current == ">", !name.isEmpty, !groupNames.values.contains(name) else {
            throw .badGroup(text(from: start))
        }
        position += 1
        groupCount += 1
        groupNames[groupCount] = name
        return groupCount
    }

    /// Reads `i`, `-s`, `im-s:` and the like. Returns whether they stand alone, for all that follows.
    private mutating func readFlags(from start: Int) throws(PatternError) -> Bool {
        var isOn = true
        var isEmpty = true
        while let scalar = current {
            position += 1
            switch scalar {
            case "i": flags.ignoresCase = isOn
            case "m": flags.isMultiline = isOn
            case "s": flags.dotTakesNewline = isOn
            case "U": flags.isUngreedy = isOn
            case "-" where isOn:
                isOn = false
                isEmpty = true
                continue
            case ":" where isOn || !isEmpty: return false
            case ")" where !isEmpty: return true
            default: throw .badGroup(text(from: start))
            }
            isEmpty = false
        }
        throw .unclosedGroup
    }

    // MARK: Repetition

    private mutating func repeated(_ part: PatternSyntax) throws(PatternError) -> PatternSyntax {
        let start = position
        guard let (least, most) = try repetition() else { return part }
        let isGreedy = skip("?") == flags.isUngreedy
        // RE2 takes `a**` for a mistake.
        if try repetition() != nil { throw .badRepetition(text(from: start)) }
        return .repetition(part, least: least, most: most, isGreedy: isGreedy)
    }

    private mutating func repetition() throws(PatternError) -> (least: Int, most: Int?)? {
        switch current {
        case "*":
            position += 1
            return (0, nil)
        case "+":
            position += 1
            return (1, nil)
        case "?":
            position += 1
            return (0, 1)
        case "{": return try countedRepetition()
        default: return nil
        }
    }

    /// `{2}`, `{2,}`, `{2,5}`; any other brace stands for itself.
    private mutating func countedRepetition() throws(PatternError) -> (least: Int, most: Int?)? {
        let start = position
        position += 1
        guard let least = number() else {
            position = start
            return nil
        }
        var most: Int? = least
        if skip(",") { most = number() }
        guard skip("}") else {
            position = start
            return nil
        }
        guard least <= Self.countLimit, most.map({ $0 <= Self.countLimit && $0 >= least }) != false else {
            throw .badRepetition(text(from: start))
        }
        return (least, most)
    }

    private mutating func number() -> Int? {
        let start = position
        while let scalar = current, ScalarSet.digits.contains(scalar.value), position - start < 6 { position += 1 }
        return Int(text(from: start))
    }
}

// MARK: Characters

extension PatternParser {
    private mutating func escape() throws(PatternError) -> PatternSyntax {
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

    private mutating func characterClass() throws(PatternError) -> ScalarSet {
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
