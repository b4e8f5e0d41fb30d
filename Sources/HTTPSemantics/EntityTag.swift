/// An entity tag. RFC 9110, 8.8.3.
package struct EntityTag: Sendable, Hashable {
    /// Without quotes.
    package let opaque: String
    package let isWeak: Bool

    package init(_ opaque: String, isWeak: Bool = false) {
        self.opaque = opaque
        self.isWeak = isWeak
    }

    package var description: String { isWeak ? "W/\"\(opaque)\"" : "\"\(opaque)\"" }
}

/// An `If-None-Match` field. RFC 9110, 13.1.2.
package enum IfNoneMatch: Sendable, Hashable {
    case any
    case tags([EntityTag])

    /// Reads a list of entity tags. Bare tags without quotes are taken too, as registries' clients send them; what
    /// makes no sense is left out, so that the answer is the whole content.
    package init(_ field: some StringProtocol) {
        let text = trimmed(field)
        if text == "*" {
            self = .any
            return
        }
        var tags: [EntityTag] = []
        var rest = text
        while !rest.isEmpty, tags.count < 64 {
            rest = trimmed(rest.drop { $0 == "," || $0 == " " || $0 == "\t" })
            guard !rest.isEmpty else { break }
            var isWeak = false
            if rest.hasPrefix("W/") {
                isWeak = true
                rest = rest.dropFirst(2)
            }
            if rest.hasPrefix("\"") {
                let inside = rest.dropFirst()
                guard let end = inside.firstIndex(of: "\"") else { break }
                tags.append(EntityTag(String(inside[..<end]), isWeak: isWeak))
                rest = inside[inside.index(after: end)...]
            } else {
                let end = rest.firstIndex(of: ",") ?? rest.endIndex
                tags.append(EntityTag(String(trimmed(rest[..<end])), isWeak: isWeak))
                rest = rest[end...]
            }
        }
        self = .tags(tags)
    }

    /// Weak comparison: RFC 9110, 8.8.3.2.
    package func matches(_ tag: EntityTag) -> Bool {
        switch self {
        case .any: true
        case .tags(let tags): tags.contains { $0.opaque == tag.opaque }
        }
    }
}
