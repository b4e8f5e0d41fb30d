internal import Yams

/// The tree of a YAML file whose size and shape are bounded, whatever is in it.
enum YAMLDocument {
    static let sizeLimitBytes = 1 << 20
    /// Aliases in one file. With twenty, what a value can grow to by aliases of aliases is some 1500 times itself;
    /// with a few more it is the memory of the machine. libyaml itself refuses nesting beyond 1000 levels.
    static let aliasLimit = 20

    /// The root of the only document; nil for an empty file.
    static func parse(_ text: String, source: String) throws(ConfigurationProblem) -> Node? {
        guard countAliases(in: text) <= aliasLimit else {
            throw ConfigurationProblem(
                "the file has more than \(aliasLimit) YAML aliases ('*name'); write the values out",
                at: .init(source: source))
        }
        do {
            return try Yams.Parser(yaml: text, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw problem(for: error, source: source)
        } catch {
            throw ConfigurationProblem("the file is no YAML", at: .init(source: source))
        }
    }

    /// Counts what may be an alias; more than there are where quoted text looks like one, never less.
    private static func countAliases(in text: String) -> Int {
        var count = 0
        for line in text.utf8.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            // An alias is never on a line that is a comment.
            if line.first(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) == UInt8(ascii: "#") {
                continue
            }
            var previous = UInt8(ascii: " ")
            var isAfterStar = false
            for byte in line {
                // As libyaml reads them: a name of letters, digits, '-' and '_'; and no alias follows a '-' directly.
                if isAfterStar, isNamePart(byte) { count += 1 }
                isAfterStar = byte == UInt8(ascii: "*") && " \t,:?[{".utf8.contains(previous)
                previous = byte
            }
        }
        return count
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// In our words; without the excerpt of the file that the library would add, since a secret may be in it.
    private static func problem(for error: YamlError, source: String) -> ConfigurationProblem {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let place = ConfigurationProblem.Place(source: source, line: mark.line, column: mark.column)
            let context = context.map { " \($0.text)" } ?? ""
            return ConfigurationProblem(
                "the file is no YAML: \(problem)\(context); look at the indentation, and quote texts with special characters",
                at: place)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let place = ConfigurationProblem.Place(source: source, line: context.mark.line, column: context.mark.column)
            let names = duplicates.map { "'\($0.prefix(80))'" }.joined(separator: ", ")
            return ConfigurationProblem("\(names) is given twice in one group; remove one of the two", at: place)
        case .reader(let problem, _, _, _):
            return ConfigurationProblem("the file is no YAML: \(problem)", at: .init(source: source))
        default:
            return ConfigurationProblem("the file is no YAML", at: .init(source: source))
        }
    }
}
