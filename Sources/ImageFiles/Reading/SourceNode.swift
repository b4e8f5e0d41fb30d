/// A value of a YAML or JSON file, and where it stands.
indirect enum SourceNode: Sendable {
    case scalar(SourceScalar)
    case list([SourceItem])
    case map([SourceEntry])

    var scalar: SourceScalar? { if case .scalar(let scalar) = self { scalar } else { nil } }

    var items: [SourceItem] { if case .list(let items) = self { items } else { [] } }

    var entries: [SourceEntry] { if case .map(let entries) = self { entries } else { [] } }

    var isMap: Bool { if case .map = self { true } else { false } }

    subscript(key: String) -> SourceNode? { entries.first { $0.key.text == key }?.value }

    /// The text of the scalar under `key`.
    func text(_ key: String) -> String? { self[key]?.scalar?.text }
}

struct SourceItem: Sendable {
    let node: SourceNode
    /// Whether the value stands elsewhere, behind an anchor.
    let isAlias: Bool
}

struct SourceEntry: Sendable {
    /// Of a key that is no scalar (`? [a, b]`) the text is empty.
    let key: SourceScalar
    let value: SourceNode
    let isAlias: Bool
}

struct SourceScalar: Sendable {
    enum Style: Sendable {
        case plain, singleQuoted, doubleQuoted, literal, folded
        /// A number, `true`, `false` or `null` of a JSON file, which is no text.
        case word
    }

    let text: String
    /// In bytes, of its anchor or tag where it has one.
    let start: Int
    let style: Style
}
