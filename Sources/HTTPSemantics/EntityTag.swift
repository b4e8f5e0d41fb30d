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

    /// How many tags are read of one field.
    package static let countLimit = 64

    /// Reads a list of entity tags. Bare tags without quotes are taken too, as registries' clients send them; what
    /// makes no sense is left out, so that the answer is the whole content.
    package init(_ field: some StringProtocol) {
        if trimmed(field) == "*" {
            self = .any
            return
        }
        var scanner = FieldScanner(field)
        var tags: [EntityTag] = []
        scanner.skipSeparators()
        while !scanner.isAtEnd, tags.count < Self.countLimit {
            var ahead = scanner
            let isWeak = ahead.take(UInt8(ascii: "W")) && ahead.take(UInt8(ascii: "/"))
            if isWeak { scanner = ahead }
            if scanner.take(UInt8(ascii: "\"")) {
                // RFC 9110, 8.8.3: nothing is escaped between the quotes.
                guard let opaque = scanner.text(before: UInt8(ascii: "\"")) else { break }
                tags.append(EntityTag(opaque, isWeak: isWeak))
            } else {
                let bare = String(decoding: scanner.take { $0 != UInt8(ascii: ",") }, as: UTF8.self)
                tags.append(EntityTag(String(trimmed(bare)), isWeak: isWeak))
            }
            scanner.skipSeparators()
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
