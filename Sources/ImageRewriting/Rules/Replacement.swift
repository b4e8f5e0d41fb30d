internal import OCI

/// What a rule puts in place of registry and repository: `weir.corp:5000/hub/{repository}`. Tag and digest follow by
/// themselves, as they were written.
///
/// Braces, since `$` is taken by references in Weir's own configuration.
package struct Replacement: Sendable, Hashable, CustomStringConvertible {
    enum Capture: Sendable, Hashable, CustomStringConvertible {
        case number(Int)
        case name(String)

        var description: String {
            switch self {
            case .number(let number): "\(number)"
            case .name(let name): name
            }
        }
    }

    private enum Part: Sendable, Hashable {
        case literal(String)
        case registry
        case repository
        case capture(Capture)
    }

    package let description: String
    private let parts: [Part]
    /// The text before the first placeholder; at least a host and a slash.
    package let literalPrefix: String

    package init(_ text: String) throws(RewriteRuleError) {
        guard !text.isEmpty else { throw .replacementIsEmpty }
        guard text.utf8.count <= 512 else { throw .replacementIsMalformed(String(text.prefix(80))) }
        var parts: [Part] = []
        var rest = text[...]
        while !rest.isEmpty {
            let literal = rest.prefix { $0 != "{" && $0 != "}" }
            if !literal.isEmpty { parts.append(.literal(String(literal))) }
            rest = rest[literal.endIndex...]
            guard !rest.isEmpty else { break }
            guard rest.first == "{", let close = rest.firstIndex(of: "}") else { throw .replacementIsMalformed(text) }
            let name = String(rest[rest.index(after: rest.startIndex)..<close])
            parts.append(try Self.part(name, in: text))
            rest = rest[rest.index(after: close)...]
        }
        guard case .literal(let prefix)? = parts.first, let slash = prefix.firstIndex(of: "/"),
            RegistryHost.isLikelyHost(prefix[..<slash]), (try? RegistryHost(prefix[..<slash])) != nil
        else { throw .replacementBeginsWithoutHost(text) }
        // With a repository as it may be in place of each placeholder, the whole has to be a name without a tag.
        let sample = parts.map { part in if case .literal(let text) = part { text } else { "x" } }.joined()
        guard let image = try? WrittenImage(sample), image.suffix.isEmpty else { throw .replacementIsMalformed(text) }
        description = text
        self.parts = parts
        literalPrefix = prefix
    }

    private static func part(_ name: String, in text: String) throws(RewriteRuleError) -> Part {
        switch name {
        case "registry": return .registry
        case "repository": return .repository
        case "": throw .replacementIsMalformed(text)
        default:
            if name.utf8.allSatisfy({ (48...57).contains($0) }) {
                guard let number = Int(name) else { throw .unknownPlaceholder(name) }
                return .capture(.number(number))
            }
            return .capture(.name(name))
        }
    }

    var captures: [Capture] {
        parts.compactMap { part in if case .capture(let capture) = part { capture } else { nil } }
    }

    /// - Parameters:
    ///   - groups: what the repository's pattern matched, as a whole first.
    ///   - names: of groups, by number.
    func expanded(for image: WrittenImage, groups: [String?], names: [Int: String]) -> String {
        parts.map { part in
            switch part {
            case .literal(let text): return text
            case .registry: return image.reference.registry.description
            case .repository: return image.reference.repository.description
            case .capture(.number(let number)): return number < groups.count ? groups[number] ?? "" : ""
            case .capture(.name(let name)):
                guard let number = names.first(where: { $0.value == name })?.key, number < groups.count else {
                    return ""
                }
                return groups[number] ?? ""
            }
        }.joined()
    }

    /// What stands in `name` for the placeholders, where there are few enough to tell them apart.
    func taken(from name: String) -> (registry: String?, repository: String?, capture: String?)? {
        let placeholders = parts.filter { part in if case .literal = part { false } else { true } }
        guard placeholders.count <= 2, name.hasPrefix(literalPrefix) else { return nil }
        var rest = name.dropFirst(literalPrefix.count)
        var result: (registry: String?, repository: String?, capture: String?) = (nil, nil, nil)
        for (index, part) in parts.enumerated().dropFirst() {
            let next: String? =
                if index + 1 < parts.count, case .literal(let text) = parts[index + 1] { text } else { nil }
            switch part {
            case .literal(let text):
                guard rest.hasPrefix(text) else { return nil }
                rest = rest.dropFirst(text.count)
            case .registry:
                let value = rest.prefix { $0 != "/" }
                result.registry = String(value)
                rest = rest[value.endIndex...]
            case .repository, .capture:
                var end = rest.endIndex
                if let next {
                    guard rest.hasSuffix(next), index + 2 == parts.count else { return nil }
                    end = rest.index(rest.endIndex, offsetBy: -next.count)
                } else if index + 1 < parts.count {
                    return nil
                }
                if case .repository = part {
                    result.repository = String(rest[..<end])
                } else {
                    result.capture = String(rest[..<end])
                }
                rest = rest[end...]
            }
        }
        return rest.isEmpty ? result : nil
    }
}
