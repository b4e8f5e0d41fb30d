internal import OCI

/// The changes of one file: bytes, and what the file has to say afterwards.
struct ImageEdits {
    private struct Change {
        let range: Range<Int>
        let text: String
    }

    /// By the start of the scalar.
    private(set) var scalars: [Int: String] = [:]
    /// By the start of the key whose value was an alias.
    private(set) var aliases: [Int: String] = [:]
    /// `newName`s that were not there, by the start of the key `name` before them.
    private(set) var insertions: [Int: String] = [:]
    /// By the start of the word.
    private(set) var words: [Int: String] = [:]
    private var changes: [Change] = []
    private let source: SourceText

    init(_ source: SourceText) { self.source = source }

    var isEmpty: Bool { changes.isEmpty }

    /// Puts `reference` in the place of `image`.
    mutating func replace(_ image: FoundImage, by reference: String) throws(ImageFileError) {
        let name = VariableText.parts(reference).name
        switch image.spelling {
        case .whole(let slot):
            try set(slot, Self.text(reference, name: name, written: image.written))
        case .parts(let registry, let repository):
            guard let registry else { return try set(repository, name) }
            let slash = name.firstIndex(of: "/") ?? name.endIndex
            try set(registry, String(name[..<slash]))
            try set(repository, String(name[slash...].dropFirst()))
        case .kustomize(let matched, let newName, let entryKeyStart):
            if let newName {
                try set(newName, name)
            } else {
                try insertNewName(name, after: matched, entryKeyStart: entryKeyStart)
            }
        case .word(let range, let isName):
            let text = isName ? name : Self.text(reference, name: name, written: image.written)
            if let other = words[range.lowerBound] {
                guard other == text else { throw .sharedValue(line: source.line(of: range.lowerBound)) }
                return
            }
            words[range.lowerBound] = text
            changes.append(Change(range: range, text: text))
        }
    }

    /// Variables in tag or digest stay as they are written.
    private static func text(_ reference: String, name: String, written: String) -> String {
        guard written.contains("$") else { return reference }
        let variable = VariableText(written)
        guard variable.frame.before.isEmpty else { return variable.frame.before + reference + variable.frame.after }
        return name + variable.suffix
    }

    private mutating func set(_ slot: Slot, _ text: String) throws(ImageFileError) {
        guard text != slot.scalar.text else { return }
        if let key = slot.aliasKey {
            // What it stands for says it already.
            if scalars[slot.scalar.start] == text { return }
            guard let range = ScalarToken.alias(after: key, in: source) else {
                throw .notLocated(line: source.line(of: key.start))
            }
            aliases[key.start] = text
            changes.append(Change(range: range, text: ScalarToken.plain(text)))
            return
        }
        guard let token = ScalarToken(slot.scalar, in: source) else {
            throw .notLocated(line: source.line(of: slot.scalar.start))
        }
        if let other = scalars[slot.scalar.start] {
            guard other == text else { throw .sharedValue(line: source.line(of: slot.scalar.start)) }
            return
        }
        scalars[slot.scalar.start] = text
        changes.append(
            Change(range: token.range, text: token.isPlain ? ScalarToken.plain(text, before: slot.scalar.text) : text))
    }

    /// As the next line in block style, behind the value in flow style.
    private mutating func insertNewName(
        _ text: String, after name: Slot, entryKeyStart: Int
    ) throws(ImageFileError) {
        let start = name.scalar.start
        guard let token = ScalarToken(name.scalar, in: source),
            name.scalar.style != .literal, name.scalar.style != .folded
        else { throw .notLocated(line: source.line(of: start)) }
        insertions[entryKeyStart] = text
        let bytes = source.bytes
        var next = token.end
        while next < bytes.count, " \t\r\n".utf8.contains(bytes[next]) { next += 1 }
        let isFlow = next < bytes.count && (bytes[next] == UInt8(ascii: ",") || bytes[next] == UInt8(ascii: "}"))
        if isFlow {
            let isQuoted = bytes[entryKeyStart] == UInt8(ascii: "\"")
            let entry = isQuoted ? ", \"newName\": \"\(text)\"" : ", newName: \(ScalarToken.plain(text))"
            changes.append(Change(range: token.end..<token.end, text: entry))
            return
        }
        let end = source.lineEnd(of: token.end)
        let column = entryKeyStart - source.lineStart(of: entryKeyStart)
        let lineBreak = bytes[end...].starts(with: [0x0D, 0x0A]) ? "\r\n" : "\n"
        let line = lineBreak + String(repeating: " ", count: column) + "newName: \(ScalarToken.plain(text))"
        changes.append(Change(range: end..<end, text: line))
    }

    /// The file with every change in it.
    var result: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.bytes.count + changes.reduce(0) { $0 + $1.text.utf8.count })
        var position = 0
        for change in changes.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            bytes += source.bytes[position..<max(position, change.range.lowerBound)]
            bytes += Array(change.text.utf8)
            position = change.range.upperBound
        }
        return bytes + source.bytes[position...]
    }
}
