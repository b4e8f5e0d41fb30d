internal import Yams

/// One key of the configuration: its name, meaning, form and default.
struct Setting<Target> {
    let outline: SettingOutline
    let schema: JSONValue
    let read: (Node, inout Target, inout SettingsReader) -> Void
    /// Nil where it is not set.
    let show: (Target) -> JSONValue?

    var name: String { outline.name }

    /// A key that always has a value: the target's own before anything is read.
    /// - Parameter standard: the default in words, where the value itself does not say it.
    init<Value>(
        _ name: String, _ path: WritableKeyPath<Target, Value>, _ format: Format<Value>, standard: JSONValue? = nil,
        _ summary: String
    ) {
        outline = SettingOutline(
            name: name, summary: summary, expectation: format.expectation, standard: standard, members: format.members,
            isList: format.isList)
        schema = Self.schema(format.schema, summary: summary, standard: standard)
        read = { node, target, reader in
            if let value = format.read(node, target[keyPath: path], &reader) { target[keyPath: path] = value }
        }
        show = { format.show($0[keyPath: path]) }
    }

    /// A key that may be absent.
    init<Value>(
        _ name: String, _ path: WritableKeyPath<Target, Value?>, _ format: Format<Value>, standard: JSONValue? = nil,
        _ summary: String
    ) {
        outline = SettingOutline(
            name: name, summary: summary, expectation: format.expectation, standard: standard, members: format.members,
            isList: format.isList)
        schema = Self.schema(format.schema, summary: summary, standard: standard)
        read = { node, target, reader in
            if let value = format.read(node, target[keyPath: path], &reader) { target[keyPath: path] = value }
        }
        show = { target in target[keyPath: path].map(format.show) }
    }

    private static func schema(_ schema: JSONValue, summary: String, standard: JSONValue?) -> JSONValue {
        guard case .object(var members) = schema else { return schema }
        members.insert(.init("description", .string(summary)), at: 0)
        if let standard { members.append(.init("default", standard)) }
        return .object(members)
    }
}

/// What a key is called and means, without its type; for documentation, and to find keys by their names.
struct SettingOutline {
    let name: String
    let summary: String
    let expectation: String
    let standard: JSONValue?
    /// The keys of a group; nil for everything else.
    let members: [SettingOutline]?
    let isList: Bool
}
