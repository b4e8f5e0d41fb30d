/// A `Link` field, as far as registries use it. RFC 8288.
package enum LinkField {
    /// The target of the first link with `rel="next"`; nil where there is none.
    package static func next(_ field: some StringProtocol) -> String? {
        guard field.utf8.count <= 8192 else { return nil }
        var rest = trimmed(field)
        while rest.hasPrefix("<"), let end = rest.firstIndex(of: ">") {
            let target = rest[rest.index(after: rest.startIndex)..<end]
            let after = rest[rest.index(after: end)...]
            // The next link begins after a comma outside of quotes.
            var isQuoted = false
            let comma = after.firstIndex { character in
                if character == "\"" { isQuoted.toggle() }
                return character == "," && !isQuoted
            }
            for parameter in after[..<(comma ?? after.endIndex)].split(separator: ";") {
                let pair = trimmed(parameter)
                guard pair.lowercased().hasPrefix("rel=") else { continue }
                let value = pair.dropFirst(4).filter { $0 != "\"" }
                if value.split(separator: " ").contains(where: { $0.lowercased() == "next" }) { return String(target) }
            }
            guard let comma else { return nil }
            rest = trimmed(after[after.index(after: comma)...])
        }
        return nil
    }

    package static func format(next target: String) -> String { "<\(target)>; rel=\"next\"" }
}
