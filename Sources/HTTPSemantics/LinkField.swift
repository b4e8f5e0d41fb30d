/// A `Link` field, as far as registries use it. RFC 8288.
package enum LinkField {
    /// What one field may hold, in bytes; a longer one has no links.
    package static let lengthLimit = 8192

    /// The target of the first link with `rel="next"`, as it was sent: a reference, to be resolved against the
    /// request's address. Nil where there is none.
    package static func next(_ field: some StringProtocol) -> String? {
        guard field.utf8.count <= lengthLimit else { return nil }
        var scanner = FieldScanner(field)
        while true {
            scanner.skipSeparators()
            guard scanner.take(UInt8(ascii: "<")), let target = scanner.text(before: UInt8(ascii: ">")) else {
                return nil
            }
            let relations = relations(from: &scanner)
            if !target.isEmpty, relations.contains(where: { $0.lowercased() == "next" }) { return target }
            guard scanner.next == UInt8(ascii: ",") else { return nil }
        }
    }

    package static func format(next target: String) -> String { "<\(target)>; rel=\"next\"" }

    /// Reads a link's parameters. RFC 8288, 3.3: the first `rel` counts, and may name several relations.
    private static func relations(from scanner: inout FieldScanner) -> [Substring] {
        var relations: [Substring]?
        while true {
            scanner.skipBlanks()
            guard scanner.take(UInt8(ascii: ";")) else { return relations ?? [] }
            scanner.skipBlanks()
            guard let name = scanner.token() else { continue }
            scanner.skipBlanks()
            guard scanner.take(UInt8(ascii: "=")) else { continue }
            scanner.skipBlanks()
            let value =
                scanner.next == UInt8(ascii: "\"")
                ? scanner.quotedString() ?? ""
                : String(decoding: scanner.take { !isBlank($0) && !";,".utf8.contains($0) }, as: UTF8.self)
            if relations == nil, name.lowercased() == "rel" { relations = value.split(separator: " ") }
        }
    }
}
