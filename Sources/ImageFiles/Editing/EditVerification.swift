/// Compares what a file says before and after its change: exactly what was meant to may differ.
///
/// The changes are made to bytes, at places that a parser named. Should one of them be wrong, or an anchor carry a
/// change to where it was not meant, the file is not written.
struct EditVerification {
    private static let visitLimit = 4_000_000

    private let edits: ImageEdits
    private let imagePaths: Set<[String]>
    private let source: SourceText
    private var path: [String] = []
    private var visitCount = 0
    /// For what fails without a place of its own.
    private var lastStart = 0

    init(_ edits: ImageEdits, imagePaths: Set<[String]>, source: SourceText) {
        self.edits = edits
        self.imagePaths = imagePaths
        self.source = source
    }

    mutating func verify(_ old: [SourceNode], _ new: [SourceNode]) throws(ImageFileError) {
        guard old.count == new.count else { throw .verificationFailed(line: 1) }
        for (index, pair) in zip(old, new).enumerated() {
            path = ["\(index)"]
            try compare(pair.0, pair.1)
        }
    }

    private var failure: ImageFileError { .verificationFailed(line: source.line(of: lastStart)) }

    private mutating func compare(_ old: SourceNode, _ new: SourceNode) throws(ImageFileError) {
        visitCount += 1
        guard visitCount <= Self.visitLimit else { throw .tooComplex }
        switch (old, new) {
        case (.scalar(let old), .scalar(let new)):
            lastStart = old.start
            if old.text == new.text { return }
            guard edits.scalars[old.start] == new.text else { throw failure }
            guard imagePaths.contains(path) || isHolder(path) else {
                throw .sharedValue(line: source.line(of: old.start))
            }
        case (.list(let old), .list(let new)):
            guard old.count == new.count else { throw failure }
            for (index, pair) in zip(old, new).enumerated() {
                path.append("\(index)")
                try compare(pair.0.node, pair.1.node)
                path.removeLast()
            }
        case (.map(let old), .map(let new)): try compare(old, new)
        default: throw failure
        }
    }

    private mutating func compare(_ old: [SourceEntry], _ new: [SourceEntry]) throws(ImageFileError) {
        var rest = new[...]
        for entry in old {
            lastStart = entry.key.start
            guard let other = rest.popFirst(), other.key.text == entry.key.text else { throw failure }
            path.append(entry.key.text)
            if let text = edits.aliases[entry.key.start] {
                guard other.value.scalar?.text == text else { throw failure }
            } else {
                try compare(entry.value, other.value)
            }
            path.removeLast()
            if let text = edits.insertions[entry.key.start] {
                guard let added = rest.popFirst(), added.key.text == "newName", added.value.scalar?.text == text else {
                    throw failure
                }
            }
        }
        guard rest.isEmpty else { throw failure }
    }

    /// Whether the path leads through a group that exists to hold anchors: Compose's `x-…`, or by custom `.…`, `_…`.
    private func isHolder(_ path: [String]) -> Bool {
        path.dropFirst().contains { $0.hasPrefix("x-") || $0.hasPrefix(".") || $0.hasPrefix("_") }
    }
}
