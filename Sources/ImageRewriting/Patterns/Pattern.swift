/// A regular expression in RE2's syntax, whose matching time is bounded by the product of its size and the text's.
///
/// The configurations that Weir reads are written for Go's `regexp` (RE2), and come from people whose mistakes must
/// not stop a cluster's admission. A back-tracking engine, such as Swift's `Regex`, takes exponential time for
/// `^(a+)+$`; this one follows all ways at once (Thompson's construction, run as in Pike's `sam`), and has RE2's
/// leftmost-first choice of groups. What RE2 refuses (look-around, back-references) is refused here too.
package struct Pattern: Sendable, Hashable, CustomStringConvertible {
    /// The longest expression accepted, in bytes.
    package static let lengthLimitBytes = 4096
    /// The most that an expression may grow to, in steps of its program: `(a{100}){100}` is far above.
    package static let programLimit = 4096

    package let description: String
    let program: PatternProgram

    /// The names of the groups, by their numbers; unnamed ones have none.
    package var groupNames: [Int: String] { program.groupNames }
    /// How many groups there are, the whole match not counted.
    package var groupCount: Int { program.slotCount / 2 - 1 }

    package init(_ text: String) throws(PatternError) {
        guard text.utf8.count <= Self.lengthLimitBytes else { throw .tooLong }
        var parser = PatternParser(text)
        let syntax = try parser.parse()
        description = text
        program = try PatternProgram(syntax, groupCount: parser.groupCount, groupNames: parser.groupNames)
    }

    /// The expression that matches what `glob` does as a whole; each `*` of it, any run of characters, is a group.
    package init(glob: String) throws(PatternError) {
        var text = "\\A"
        for scalar in glob.unicodeScalars {
            if scalar == "*" {
                text += "(.*)"
            } else {
                if !Self.isWord(scalar) { text += "\\" }
                text.unicodeScalars.append(scalar)
            }
        }
        try self.init("(?s:\(text)\\z)")
    }

    /// Whether any part of `input` matches.
    package func matches(_ input: PatternInput) -> Bool {
        PatternMachine(program, input.scalars).matches()
    }

    /// What the leftmost match's groups hold, the whole match first; nil inside for a group that took no part.
    package func firstMatch(in input: PatternInput) -> [String?]? {
        PatternMachine(program, input.scalars).firstMatch().map { slots in
            stride(from: 0, to: slots.count, by: 2).map { slot in
                guard let start = slots[slot], let end = slots[slot + 1] else { return nil }
                return input.text(start..<end)
            }
        }
    }

    package static func == (left: Pattern, right: Pattern) -> Bool { left.description == right.description }

    package func hash(into hasher: inout Hasher) { hasher.combine(description) }

    /// What never has to be escaped. Outside of ASCII an escape is an error.
    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        !scalar.isASCII || scalar == "_" || ("0"..."9").contains(scalar) || ("a"..."z").contains(scalar)
            || ("A"..."Z").contains(scalar)
    }
}

/// A text made ready once to be matched by many patterns.
package struct PatternInput: Sendable {
    let scalars: [UInt32]

    package init(_ text: some StringProtocol) { scalars = text.unicodeScalars.map(\.value) }

    func text(_ range: Range<Int>) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[range].lazy.compactMap(Unicode.Scalar.init))
        return String(text)
    }
}

/// Why a text is no regular expression of RE2's, or none that may be used here.
package enum PatternError: Error, Hashable, CustomStringConvertible {
    case tooLong
    case tooLarge
    case tooDeep
    case unclosedGroup
    case unexpectedParenthesis
    case unclosedClass
    case badRange(String)
    case badEscape(String)
    case badRepetition(String)
    case nothingToRepeat(String)
    case badGroup(String)
    case badClassName(String)

    package var description: String {
        switch self {
        case .tooLong: "the expression is longer than \(Pattern.lengthLimitBytes) bytes"
        case .tooLarge: "the expression's repetitions make it too large"
        case .tooDeep: "the expression's groups are nested too deeply"
        case .unclosedGroup: "a '(' has no ')'"
        case .unexpectedParenthesis: "a ')' has no '('"
        case .unclosedClass: "a '[' has no ']'"
        case .badRange(let text): "'\(text)' is no range of characters"
        case .badEscape(let text): "'\(text)' is no escape of RE2's"
        case .badRepetition(let text): "'\(text)' is no repetition of RE2's"
        case .nothingToRepeat(let text): "'\(text)' has nothing before it to repeat"
        case .badGroup(let text): "'\(text)' is no group of RE2's; it has neither look-around nor back-references"
        case .badClassName(let text): "'\(text)' is no class of characters known here"
        }
    }
}
