internal import SOPS
internal import Yams

/// Walks a tree of YAML nodes and gathers everything that is wrong with it.
struct SettingsReader {
    /// Nodes visited at the most, aliases counted each time they are used.
    static let nodeLimit = 50_000

    /// The file, flag or variable that is read, for messages.
    let source: String
    private let substitution: Substitution
    private(set) var problems: [ConfigurationProblem] = []
    private var remainingNodes = Self.nodeLimit

    init(source: String, substitution: Substitution) {
        self.source = source
        self.substitution = substitution
    }

    /// What relative paths start from.
    var directory: String { substitution.directory }

    func place(_ node: Node) -> ConfigurationProblem.Place {
        ConfigurationProblem.Place(source: source, line: node.mark?.line, column: node.mark?.column)
    }

    mutating func report(
        _ message: String, at node: Node, severity: ConfigurationProblem.Severity = .error
    ) {
        problems.append(ConfigurationProblem(message, at: place(node), severity: severity))
    }

    /// Counts a node; false once there are too many, which is reported once.
    mutating func enter(_ node: Node) -> Bool {
        remainingNodes -= 1
        if remainingNodes == 0 {
            report("the configuration has more than \(Self.nodeLimit) values; use fewer aliases", at: node)
        }
        return remainingNodes > 0
    }

    /// The text of a scalar, with references put in; nil where there is none, which is reported.
    /// - Parameter expected: what belongs here, in words: `a duration, such as '5m'`.
    mutating func scalar(_ node: Node, expected: String) -> ScalarText? {
        guard enter(node) else { return nil }
        guard case .scalar(let scalar) = node else {
            report("expected \(expected), found \(Self.kind(of: node))", at: node)
            return nil
        }
        if Self.isNull(node) {
            report("expected \(expected), found nothing; give a value or remove the key", at: node)
            return nil
        }
        do {
            var text = try substitution.apply(to: scalar.string)
            if SOPSDocument.isDecrypted(scalar) { text.isQuotable = false }
            return text
        } catch {
            report(error.message, at: node)
            return nil
        }
    }

    /// The entries of a mapping in their order; an empty value counts as an empty mapping. Nil, and reported, for
    /// anything else.
    mutating func entries(_ node: Node, expected: String) -> [(key: String, keyNode: Node, value: Node)]? {
        guard enter(node) else { return nil }
        if Self.isNull(node) { return [] }
        guard case .mapping(let mapping) = node else {
            report("expected \(expected), found \(Self.kind(of: node))", at: node)
            return nil
        }
        var seen: [String: Node] = [:]
        var entries: [(key: String, keyNode: Node, value: Node)] = []
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else {
                report("a key must be a plain name, found \(Self.kind(of: key))", at: key)
                continue
            }
            if let first = seen[scalar.string] {
                let line = first.mark.map { " in line \($0.line)" } ?? ""
                report("'\(scalar.string)' is already given\(line); remove one of the two", at: key)
                continue
            }
            seen[scalar.string] = key
            entries.append((scalar.string, key, value))
        }
        return entries
    }

    static func isNull(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    static func kind(of node: Node) -> String {
        switch node {
        case .scalar: "a single value"
        case .mapping: "a group of keys"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }
}
