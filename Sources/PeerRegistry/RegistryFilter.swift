internal import ImageRewriting
package import OCI

/// Which images this node shares: what it names to peers, gives to them, and takes from them. As Spegel has it.
package struct RegistryFilter: Sendable, Hashable {
    /// Registries that take part; empty means all.
    package let registries: Set<RegistryHost>
    /// Images that do not, by expressions on `registry/repository` and `registry/repository:tag`.
    private let hidden: [Pattern]
    /// Whether the tag `latest` is shared. What it names differs from node to node, so that K3s leaves it to the upstream.
    package let sharesLatest: Bool

    package init(registries: Set<RegistryHost> = [], hidden: [String] = [], sharesLatest: Bool = true)
        throws(RegistryFilterError)
    {
        self.registries = registries
        self.sharesLatest = sharesLatest
        var patterns: [Pattern] = []
        for text in hidden {
            do {
                patterns.append(try Pattern(text))
            } catch {
                throw RegistryFilterError(expression: text, reason: "\(error)")
            }
        }
        self.hidden = patterns
    }

    /// Everything is shared.
    package static let open = RegistryFilter(hidden: [])

    private init(hidden: [Pattern]) {
        registries = []
        self.hidden = hidden
        sharesLatest = true
    }

    /// Whether a digest may be asked for by this name.
    package func allows(_ registry: RegistryHost, _ repository: RepositoryName) -> Bool {
        guard registries.isEmpty || registries.contains(registry) else { return false }
        guard !hidden.isEmpty else { return true }
        let input = PatternInput("\(registry)/\(repository)")
        return !hidden.contains { $0.matches(input) }
    }

    package func allows(_ registry: RegistryHost, _ repository: RepositoryName, _ tag: Tag) -> Bool {
        guard sharesLatest || tag != .latest else { return false }
        guard registries.isEmpty || registries.contains(registry) else { return false }
        guard !hidden.isEmpty else { return true }
        let input = PatternInput("\(registry)/\(repository):\(tag)")
        return !hidden.contains { $0.matches(input) } && allows(registry, repository)
    }
}

/// An expression that cannot be used.
package struct RegistryFilterError: Error, Hashable, CustomStringConvertible {
    package let expression: String
    package let reason: String

    package var description: String { "the expression '\(expression)' cannot be used: \(reason)" }
}
