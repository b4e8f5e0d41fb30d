internal import ImageRewriting

/// Gathers the images of one file, within bounds.
struct ImageCollector {
    /// Values looked at, those behind aliases once for each alias.
    private static let visitLimit = 1_000_000

    let source: SourceText
    private(set) var images: [FoundImage] = []
    /// Every way that leads to an image, also where several lead to one.
    private(set) var imagePaths: Set<[String]> = []
    private var seen: Set<Int> = []
    private var visitCount = 0
    /// Which document of the file is looked at; begins every path.
    var document = 0
    /// For the image that is added next.
    var title = ""
    var context = RewriteContext()

    init(_ source: SourceText) { self.source = source }

    /// Counts one more value that is looked at.
    mutating func visit() throws(ImageFileError) {
        visitCount += 1
        guard visitCount <= Self.visitLimit else { throw .tooComplex }
    }

    /// Adds the scalar under `key` of `map`, itself or by a merge (`<<`).
    mutating func addWhole(
        _ key: String, of map: SourceNode, at path: [String], place: String, pullPolicy: String? = nil
    ) throws(ImageFileError) {
        guard let slot = try slot(key, of: map, at: path) else { return }
        add(slot, place: place, pullPolicy: pullPolicy)
    }

    mutating func add(_ slot: Slot, place: String, pullPolicy: String? = nil) {
        // An empty image is left to who made it.
        guard !slot.scalar.text.isEmpty, slot.scalar.style != .word else { return }
        guard isNew([slot]) else { return }
        let text = VariableText(slot.scalar.text)
        append(
            reference: text.evaluated, written: slot.scalar.text, at: slot.aliasKey?.start ?? slot.scalar.start,
            place: place, pullPolicy: pullPolicy, isOpen: text.isOpen, .whole(slot))
    }

    mutating func append(
        reference: String, written: String, at offset: Int, place: String, pullPolicy: String?, isOpen: Bool,
        _ spelling: Spelling
    ) {
        images.append(
            FoundImage(
                reference: reference, written: written, line: source.line(of: offset),
                place: title.isEmpty ? place : "\(title), \(place)", context: context, pullPolicy: pullPolicy,
                isOpen: isOpen, spelling: spelling))
    }

    /// Whether none of them was met before; notes their paths in any case.
    mutating func isNew(_ slots: [Slot]) -> Bool {
        var isNew = true
        for slot in slots {
            imagePaths.insert(["\(document)"] + slot.path)
            if !seen.insert(slot.aliasKey?.start ?? slot.scalar.start).inserted { isNew = false }
        }
        return isNew
    }

    /// The scalar under `key`: of the map itself, else of what is merged into it, the first that has it.
    mutating func slot(
        _ key: String, of map: SourceNode, at path: [String], depth: Int = 0
    ) throws(ImageFileError) -> Slot? {
        try visit()
        if let entry = map.entries.first(where: { $0.key.text == key }) {
            guard let scalar = entry.value.scalar else { return nil }
            return Slot(scalar: scalar, aliasKey: entry.isAlias ? entry.key : nil, path: path + [key])
        }
        guard depth < 16 else { throw .tooComplex }
        for (merged, path) in Self.merged(map, at: path) {
            if let found = try slot(key, of: merged, at: path, depth: depth + 1) { return found }
        }
        return nil
    }

    /// What `<<` merges into `map`.
    static func merged(_ map: SourceNode, at path: [String]) -> [(SourceNode, [String])] {
        guard let merge = map["<<"] else { return [] }
        if merge.isMap { return [(merge, path + ["<<"])] }
        return merge.items.enumerated().map { ($1.node, path + ["<<", "\($0)"]) }
    }
}
