internal import Yams

/// How a value is written in the configuration: how it is read, shown, and described by the JSON Schema. One value
/// for all three, so that they cannot disagree.
struct Format<Value> {
    /// What belongs here, in words; also for the table of keys: `a duration, such as '5m'`.
    let expectation: String
    let schema: JSONValue
    /// The settings of a group; nil for everything else.
    let members: [SettingOutline]?
    /// Whether a list may stand here: in an environment variable, words between commas.
    let isList: Bool
    /// Reads a node over what was there before; returns nil, having reported why, where it cannot.
    let read: (Node, Value?, inout SettingsReader) -> Value?
    let show: (Value) -> JSONValue

    init(
        expectation: String, schema: JSONValue, members: [SettingOutline]? = nil, isList: Bool = false,
        read: @escaping (Node, Value?, inout SettingsReader) -> Value?, show: @escaping (Value) -> JSONValue
    ) {
        self.expectation = expectation
        self.schema = schema
        self.members = members
        self.isList = isList
        self.read = read
        self.show = show
    }

    /// A single value.
    /// - Parameter parse: throws what is wrong, and what to do, in words that follow the value: `is no duration; …`.
    static func scalar(
        _ expectation: String, schema: JSONValue, show: @escaping (Value) -> JSONValue,
        parse: @escaping (String) throws(ValueProblem) -> Value
    ) -> Format {
        Format(
            expectation: expectation, schema: schema,
            read: { node, _, reader in
                guard let scalar = reader.scalar(node, expected: expectation) else { return nil }
                do throws(ValueProblem) {
                    return try parse(scalar.text)
                } catch {
                    reader.report("\(scalar.shown) \(error.message)", at: node)
                    return nil
                }
            },
            show: show)
    }

    /// The same, with nil for a value that is there and wrong, so that nobody calls it missing.
    var tolerant: Format<Value?> {
        Format<Value?>(
            expectation: expectation, schema: schema, members: members, isList: isList,
            read: { node, _, reader in .some(self.read(node, nil, &reader)) },
            show: { value in value.map(self.show) ?? .null })
    }

    /// The same, remembering where it stands.
    var located: Format<Located<Value>> {
        Format<Located<Value>>(
            expectation: expectation, schema: schema, members: members, isList: isList,
            read: { node, old, reader in
                let place = reader.place(node)
                return self.read(node, old?.value, &reader).map { Located(value: $0, place: place) }
            },
            show: { self.show($0.value) })
    }

    /// A list of such values.
    var list: Format<[Value]> {
        Format<[Value]>(
            expectation: "a list, each \(expectation)",
            schema: .object([.init("type", .string("array")), .init("items", schema)]),
            isList: true,
            read: { node, _, reader in
                guard reader.enter(node) else { return nil }
                guard case .sequence(let sequence) = node else {
                    reader.report("expected a list, found \(SettingsReader.kind(of: node))", at: node)
                    return nil
                }
                return sequence.compactMap { self.read($0, nil, &reader) }
            },
            show: { .array($0.map(self.show)) })
    }

    /// A list of such values, or one alone.
    var oneOrList: Format<[Value]> {
        let list = list
        return Format<[Value]>(
            expectation: "\(expectation), or a list",
            schema: .object([.init("oneOf", .array([schema, list.schema]))]), isList: true,
            read: { node, old, reader in
                if case .sequence = node { return list.read(node, old, &reader) }
                return self.read(node, nil, &reader).map { [$0] }
            },
            show: { $0.count == 1 ? self.show($0[0]) : list.show($0) })
    }
}

extension Format {
    /// A group of named settings, read over what was there before.
    static func group(_ settings: [Setting<Value>], _ make: @escaping () -> Value) -> Format {
        let byName = Dictionary(settings.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let names = settings.map(\.name)
        return Format(
            expectation: "a group of keys",
            schema: .object([
                .init("type", .array([.string("object"), .string("null")])),
                .init("additionalProperties", .bool(false)),
                .init("properties", .object(settings.map { .init($0.name, $0.schema) })),
            ]),
            members: settings.map(\.outline),
            read: { node, old, reader in
                guard let entries = reader.entries(node, expected: "a group of keys") else { return nil }
                var value = old ?? make()
                for entry in entries {
                    guard let setting = byName[entry.key] else {
                        reader.report(unknownKey(entry.key, among: names), at: entry.keyNode)
                        continue
                    }
                    setting.read(entry.value, &value, &reader)
                }
                return value
            },
            show: { value in
                .object(settings.compactMap { setting in setting.show(value).map { .init(setting.name, $0) } })
            })
    }

    private static func unknownKey(_ key: String, among names: [String]) -> String {
        if key == "<<" { return "merge keys are not supported here; write the keys out" }
        if let near = suggestion(for: key, among: names) { return "unknown key '\(key)'; did you mean '\(near)'?" }
        return "unknown key '\(key)'; known here are \(names.joined(separator: ", "))"
    }
}

/// An entry of a table, with its name as it was written.
struct TableEntry<Key, Value> {
    var key: Located<Key>
    var value: Value
}

extension Format {
    /// Named values in their order, such as the rules; read over those that were there before, of which the same
    /// names are read over and the others come last.
    /// - Parameter parseKey: throws what is wrong with a name, in words that follow it.
    func table<Key: Hashable>(
        keyExpectation: String, showKey: @escaping (Key) -> String,
        parseKey: @escaping (String) throws(ValueProblem) -> Key
    ) -> Format<[TableEntry<Key, Value>]> {
        Format<[TableEntry<Key, Value>]>(
            expectation: "a table from \(keyExpectation) to \(expectation)",
            schema: .object([
                .init("type", .array([.string("object"), .string("null")])), .init("additionalProperties", schema),
            ]),
            read: { node, old, reader in
                guard
                    let entries = reader.entries(
                        node, expected: "a table from \(keyExpectation) to \(self.expectation)")
                else { return nil }
                let before = Dictionary(
                    (old ?? []).map { ($0.key.value, $0.value) }, uniquingKeysWith: { _, last in last })
                let read = entries.compactMap { entry -> TableEntry<Key, Value>? in
                    var key: Key?
                    do throws(ValueProblem) {
                        key = try parseKey(entry.key)
                    } catch {
                        reader.report("'\(entry.key.prefix(80))' \(error.message)", at: entry.keyNode)
                    }
                    // Read even under a wrong name, so that every error is told at once.
                    let value = self.read(entry.value, key.flatMap { before[$0] }, &reader)
                    guard let key, let value else { return nil }
                    return TableEntry(key: Located(value: key, place: reader.place(entry.keyNode)), value: value)
                }
                let names = Set(read.map(\.key.value))
                return read + (old ?? []).filter { !names.contains($0.key.value) }
            },
            show: { entries in .object(entries.map { .init(showKey($0.key.value), self.show($0.value)) }) })
    }
}
