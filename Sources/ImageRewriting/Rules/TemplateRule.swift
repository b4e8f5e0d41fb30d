internal import OCI

/// A rule of Weir's own form: conditions, exceptions, and a replacement with what was matched in it.
package struct TemplateRule: Sendable, Hashable {
    /// All of them have to hold; of a list any one. An empty list asks for nothing.
    package struct Conditions: Sendable, Hashable {
        /// `docker.io`, never `index.docker.io`; with its port where there is one.
        package var registry: [Matcher]
        /// Made whole: `library/nginx`.
        package var repository: [Matcher]
        /// `latest` where neither tag nor digest was written; an image with a digest alone has none, and no match.
        package var tag: [Matcher]
        package var namespace: [Matcher]
        package var labels: [String: [Matcher]]

        package init(
            registry: [Matcher] = [], repository: [Matcher] = [], tag: [Matcher] = [], namespace: [Matcher] = [],
            labels: [String: [Matcher]] = [:]
        ) {
            self.registry = registry
            self.repository = repository
            self.tag = tag
            self.namespace = namespace
            self.labels = labels
        }

        func hold(_ inputs: ImageInputs, in context: RewriteContext) -> Bool {
            Self.any(registry, inputs.registry) && Self.any(repository, inputs.repository)
                && Self.any(tag, inputs.tag) && Self.any(namespace, context.namespace.map { PatternInput($0) })
                && labels.allSatisfy { name, matchers in
                    Self.any(matchers, context.labels[name].map { PatternInput($0) })
                }
        }

        private static func any(_ matchers: [Matcher], _ input: PatternInput?) -> Bool {
            if matchers.isEmpty { return true }
            guard let input else { return false }
            return matchers.contains { $0.matches(input) }
        }
    }

    package let match: Conditions
    /// Any one that holds leaves the image to the other rules.
    package let exclude: [Conditions]
    package let replacement: Replacement

    package init(match: Conditions, exclude: [Conditions] = [], replacement: Replacement) throws(RewriteRuleError) {
        // Every alternative has to fill every placeholder.
        for placeholder in replacement.captures {
            let isKnown =
                !match.repository.isEmpty
                && match.repository.allSatisfy { matcher in
                    switch placeholder {
                    case .number(let number):
                        (1...max(1, matcher.pattern.groupCount)).contains(number)
                            && matcher.pattern.groupCount > 0
                    case .name(let name): matcher.pattern.groupNames.values.contains(name)
                    }
                }
            guard isKnown else { throw .unknownPlaceholder(placeholder.description) }
        }
        self.match = match
        self.exclude = exclude
        self.replacement = replacement
    }

    func result(for image: WrittenImage, _ inputs: ImageInputs, in context: RewriteContext) -> String? {
        guard match.hold(inputs, in: context), !exclude.contains(where: { $0.hold(inputs, in: context) }) else {
            return nil
        }
        var groups: [String?] = []
        var names: [Int: String] = [:]
        if !replacement.captures.isEmpty {
            for matcher in match.repository {
                guard let found = matcher.pattern.firstMatch(in: inputs.repository) else { continue }
                (groups, names) = (found, matcher.pattern.groupNames)
                break
            }
        }
        return replacement.expanded(for: image, groups: groups, names: names) + image.suffix
    }

    /// Only where the rule names its registries themselves, and the replacement has the whole repository in it, or
    /// the part of it that the only `*` of a pattern stands for.
    func originals(of image: WrittenImage) -> [String] {
        guard let found = replacement.taken(from: String(image.name)) else { return [] }
        var repositories: [String] = []
        if let repository = found.repository {
            repositories = [repository]
        } else if let capture = found.capture {
            repositories = match.repository.map(\.description).filter { text in
                !text.hasPrefix("/") && text.utf8.count { $0 == UInt8(ascii: "*") } == 1
            }.map { text in
                text.split(separator: "*", omittingEmptySubsequences: false).joined(separator: capture)
            }
        } else {
            repositories = match.repository.compactMap(\.literal)
        }
        let registries = found.registry.map { [$0] } ?? match.registry.compactMap(\.literal)
        return registries.flatMap { registry in repositories.map { "\(registry)/\($0)\(image.suffix)" } }
    }
}
