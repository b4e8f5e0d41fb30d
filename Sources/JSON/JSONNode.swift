/// A value in a ``JSONDocument``. What is asked for and is not there, or is of another kind, is nil: what comes from a
/// cluster's API has been checked there, and what does not is no reason to fail.
package struct JSONNode: Sendable {
    let document: JSONDocument
    let index: Int

    private var entry: JSONDocument.Entry { document.entries[index] }

    package var isNull: Bool { entry.kind == .null }
    package var isObject: Bool { entry.kind == .object }
    package var isArray: Bool { entry.kind == .array }

    /// The value as it stands in the text; of a string what is between its quotes, still escaped.
    package var bytes: ArraySlice<UInt8> { document.bytes[Int(entry.start)..<Int(entry.end)] }

    package var string: String? {
        switch entry.kind {
        case .string: String(decoding: bytes, as: UTF8.self)
        case .escapedString: JSONText.unescaped(bytes)
        default: nil
        }
    }

    package var bool: Bool? { entry.kind == .bool ? entry.end - entry.start == 4 : nil }

    /// A number without fraction and exponent.
    package var integer: Int? { entry.kind == .number ? Int(String(decoding: bytes, as: UTF8.self)) : nil }

    /// The member called `name`, unless it is `null`.
    package subscript(name: StaticString) -> JSONNode? { name.withUTF8Buffer { member($0) } }

    /// The same for a name that is not known beforehand.
    package subscript(member name: String) -> JSONNode? {
        var name = name
        return name.withUTF8 { member($0) }
    }

    private func member(_ name: UnsafeBufferPointer<UInt8>) -> JSONNode? {
        guard entry.kind == .object else { return nil }
        var found: Int?
        var child = index + 1
        while child < Int(entry.next) {
            let key = document.entries[child]
            let text = document.bytes[Int(key.start)..<Int(key.end)]
            let isFound =
                key.kind == .string
                ? text.count == name.count && text.elementsEqual(name)
                : JSONText.unescaped(text).utf8.elementsEqual(name)
            if isFound { found = child + 1 }
            child = Int(document.entries[child + 1].next)
        }
        guard let found, document.entries[found].kind != .null else { return nil }
        return JSONNode(document: document, index: found)
    }

    /// The values of an array in their order; empty for every other kind.
    package var items: [JSONNode] {
        guard entry.kind == .array else { return [] }
        var items: [JSONNode] = []
        var child = index + 1
        while child < Int(entry.next) {
            items.append(JSONNode(document: document, index: child))
            child = Int(document.entries[child].next)
        }
        return items
    }

    /// The members of an object in their order, with the same name more than once where they are; empty for every
    /// other kind.
    package var members: [(name: String, value: JSONNode)] {
        guard entry.kind == .object else { return [] }
        var members: [(name: String, value: JSONNode)] = []
        var child = index + 1
        while child < Int(entry.next) {
            let value = JSONNode(document: document, index: child + 1)
            members.append((JSONNode(document: document, index: child).string ?? "", value))
            child = Int(document.entries[child + 1].next)
        }
        return members
    }

    /// The members whose values are strings.
    package var strings: [String: String] {
        var strings: [String: String] = [:]
        for (name, value) in members { strings[name] = value.string }
        return strings
    }
}
