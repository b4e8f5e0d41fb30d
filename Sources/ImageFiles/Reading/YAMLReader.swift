internal import Yams

/// Reads YAML by libyaml, keeping where everything stands.
struct YAMLReader {
    static let depthLimit = 200
    /// Aliases above which keys that are groups themselves are refused: comparing them would spell out aliases of
    /// aliases.
    private static let freeAliasLimit = 20

    private let source: SourceText
    /// What anchors stand for, by place and kind, so that an alias is never walked twice.
    private var anchored: [Place: SourceNode] = [:]

    private struct Place: Hashable {
        let start: Int
        let kind: Int
    }

    static func documents(_ source: SourceText) throws(ImageFileError) -> [SourceNode] {
        try checkKeys(source)
        var reader = YAMLReader(source)
        var documents: [SourceNode] = []
        do {
            // The basic resolver leaves `1.10` and `yes` the texts that they are, and runs no regular expressions.
            let parser = try Yams.Parser(yaml: source.text, resolver: .basic, encoding: .utf8)
            while let root = try parser.nextRoot() {
                documents.append(try reader.node(root, depth: 0))
                guard documents.count <= 100_000 else { throw ImageFileError.tooComplex }
            }
        } catch let error as ImageFileError {
            throw error
        } catch let error as YamlError {
            throw reader.problem(error)
        } catch {
            throw .malformed(line: 1, column: 1, reason: "no YAML")
        }
        return documents
    }

    private init(_ source: SourceText) { self.source = source }

    // MARK: Nodes

    private func start(_ node: Node) -> Int {
        node.mark.map { source.offset(line: $0.line, column: $0.column) } ?? 0
    }

    private mutating func node(_ node: Node, depth: Int) throws(ImageFileError) -> SourceNode {
        guard depth <= Self.depthLimit else { throw .tooDeep(limit: Self.depthLimit) }
        let result: SourceNode
        let anchorPlace = node.anchor == nil ? nil : place(of: node)
        switch node {
        case .scalar(let scalar): result = .scalar(self.scalar(scalar, start: start(node)))
        case .sequence(let sequence):
            var items: [SourceItem] = []
            // What an alias stands for began before the alias; everything else comes in the order of the file.
            var floor = start(node)
            for item in sequence {
                let isAlias = start(item) < floor || item.anchor != nil && anchored[place(of: item)] != nil
                items.append(
                    SourceItem(node: try value(item, isAlias: isAlias, depth: depth + 1), isAlias: isAlias))
                if !isAlias { floor = start(item) }
            }
            result = .list(items)
        case .mapping(let mapping):
            var entries: [SourceEntry] = []
            for (key, value) in mapping {
                let keyStart = start(key)
                let isAlias = start(value) < keyStart
                let keyScalar: SourceScalar
                if case .scalar(let scalar) = key {
                    keyScalar = self.scalar(scalar, start: keyStart)
                } else {
                    keyScalar = SourceScalar(text: "", start: keyStart, style: .plain)
                }
                entries.append(
                    SourceEntry(
                        key: keyScalar, value: try self.value(value, isAlias: isAlias, depth: depth + 1),
                        isAlias: isAlias))
            }
            result = .map(entries)
        case .alias: throw .tooComplex
        }
        if let anchorPlace { anchored[anchorPlace] = result }
        return result
    }

    private mutating func value(_ node: Node, isAlias: Bool, depth: Int) throws(ImageFileError) -> SourceNode {
        if isAlias, let known = anchored[place(of: node)] { return known }
        return try self.node(node, depth: depth)
    }

    private func place(of node: Node) -> Place { Place(start: start(node), kind: Self.kind(node)) }

    private static func kind(_ node: Node) -> Int {
        switch node {
        case .scalar: 0
        case .sequence: 1
        case .mapping: 2
        case .alias: 3
        }
    }

    private func scalar(_ scalar: Node.Scalar, start: Int) -> SourceScalar {
        let style: SourceScalar.Style =
            switch scalar.style {
            case .any, .plain: .plain
            case .singleQuoted: .singleQuoted
            case .doubleQuoted: .doubleQuoted
            case .literal: .literal
            case .folded: .folded
            }
        return SourceScalar(text: scalar.string, start: start, style: style)
    }

    // MARK: Problems

    /// The library compares the keys of a group, and those that are groups themselves with all that is in them:
    /// with aliases of aliases that is without end. Few files have such keys, and fewer many aliases beside.
    private static func checkKeys(_ source: SourceText) throws(ImageFileError) {
        guard source.bytes.contains(UInt8(ascii: "*")) else { return }
        var aliasCount = 0
        var hasComplexKey = false
        var previous = UInt8(ascii: "\n")
        let bytes = source.bytes
        for (index, byte) in bytes.enumerated() {
            let isAtStart = " \t\r\n,:?-[{".utf8.contains(previous)
            let next = index + 1 < bytes.count ? bytes[index + 1] : UInt8(ascii: "\n")
            let isBeforeSpace = " \t\r\n".utf8.contains(next)
            switch byte {
            case UInt8(ascii: "*") where isAtStart && !isBeforeSpace:
                aliasCount += 1
                if !hasComplexKey { hasComplexKey = isKey(bytes, after: index + 1) }
            case UInt8(ascii: "?") where isAtStart && isBeforeSpace: hasComplexKey = true
            case UInt8(ascii: "]") where isFollowedByColon(bytes, index + 1),
                UInt8(ascii: "}") where isFollowedByColon(bytes, index + 1):
                hasComplexKey = true
            default: break
            }
            previous = byte
        }
        guard aliasCount <= freeAliasLimit || !hasComplexKey else { throw .tooComplex }
    }

    private static func isKey(_ bytes: [UInt8], after start: Int) -> Bool {
        var index = start
        while index < bytes.count, !" \t\r\n,]}".utf8.contains(bytes[index]) { index += 1 }
        return isFollowedByColon(bytes, index)
    }

    private static func isFollowedByColon(_ bytes: [UInt8], _ start: Int) -> Bool {
        var index = start
        while index < bytes.count, bytes[index] == UInt8(ascii: " ") || bytes[index] == UInt8(ascii: "\t") {
            index += 1
        }
        return index < bytes.count && bytes[index] == UInt8(ascii: ":")
    }

    private func problem(_ error: YamlError) -> ImageFileError {
        if source.text.utf8.contains(templateMark) { return .template }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let context = context.map { " \($0.text)" } ?? ""
            return .malformed(line: mark.line, column: mark.column, reason: "no YAML: \(problem)\(context)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            return .duplicateKey(line: context.mark.line, key: String((duplicates.first ?? "").prefix(80)))
        case .reader(let problem, _, _, _): return .malformed(line: 1, column: 1, reason: "no YAML: \(problem)")
        default: return .malformed(line: 1, column: 1, reason: "no YAML")
        }
    }
}

private let templateMark = "{{".utf8

extension Collection where Element == UInt8 {
    /// Whether `part` stands anywhere in it.
    func contains(_ part: some Collection<UInt8>) -> Bool {
        guard let first = part.first else { return true }
        var rest = self[...]
        while let index = rest.firstIndex(of: first) {
            if self[index...].starts(with: part) { return true }
            rest = self[self.index(after: index)...]
        }
        return false
    }
}
