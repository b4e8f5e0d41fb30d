/// Reads a regular expression as RE2 does (google/re2, `doc/syntax.txt`).
struct PatternParser {
    /// Groups within groups; keeps the recursion, and with it the stack, small.
    private static let depthLimit = 100
    /// RE2's own bound for a counted repetition.
    private static let countLimit = 1000

    struct Flags {
        var ignoresCase = false
        var isMultiline = false
        var dotTakesNewline = false
        var isUngreedy = false
    }

    let scalars: [Unicode.Scalar]
    var position = 0
    var flags = Flags()
    private var depth = 0
    private(set) var groupCount = 0
    private(set) var groupNames: [Int: String] = [:]

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func parse() throws(PatternError) -> PatternSyntax {
        let syntax = try alternatives()
        guard position == scalars.count else { throw .unexpectedParenthesis }
        return syntax
    }

    var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    func text(from start: Int) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[min(start, scalars.count)..<min(position, scalars.count)])
        return String(view)
    }

    mutating func skip(_ text: String) -> Bool {
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

    func literal(_ scalar: Unicode.Scalar) -> PatternSyntax {
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
