package import OCI
package import Rules

/// An image in use, as Weir knows it.
package struct RunningImage: Sendable, Hashable {
    /// Why Weir has nothing to do with an image.
    package enum Stranger: Error, Sendable, Hashable, CustomStringConvertible {
        case malformed
        /// No rule serves it; in words.
        case noRule(reason: String)

        package var description: String {
            switch self {
            case .malformed: "it is no reference"
            case .noRule(let reason): reason
            }
        }
    }

    package var rule: Rule
    package var repository: RepositoryKey
    /// What the pod asks for.
    package var reference: ManifestReference
    /// What runs, where the runtime says it.
    package var digest: Digest?

    /// Everything that is to be kept for it.
    package var references: [ManifestReference] {
        guard let digest, reference != .digest(digest) else { return [reference] }
        return [reference, .digest(digest)]
    }
}

/// Finds the rule and repository of images in use, by the table that serves pulls.
package struct RunningImageResolver: Sendable {
    private let table: RuleTable
    private let addresses: Set<RegistryHost>

    /// - Parameter addresses: Weir's own, as rewritten images name them.
    package init(table: RuleTable, addresses: some Sequence<RegistryHost>) {
        self.table = table
        self.addresses = Set(addresses)
    }

    /// An image of Weir's own address is resolved as a client of Weir asks for it; any other as a runtime does that has
    /// Weir for a mirror, with the registry's name beside.
    package func resolve(_ use: PodImages.Use) throws(RunningImage.Stranger) -> RunningImage {
        let reference: ImageReference
        do { reference = try ImageReference(use.image) } catch { throw .malformed }
        let isOwn =
            addresses.contains(reference.registry)
            || table.rules.contains { rule in rule.virtualHosts.contains { $0.isSame(as: reference.registry) } }
        let name = reference.repository.description
        do throws(AddressingError) {
            let found =
                if isOwn {
                    try table.resolve(name, namespace: nil, authority: reference.registry.description)
                } else {
                    try table.resolve(name, namespace: reference.registry.description, authority: nil)
                }
            return RunningImage(
                rule: found.rule, repository: found.repository, reference: reference.reference,
                digest: Self.digest(of: use.imageID))
        } catch {
            throw .noRule(reason: "\(error)")
        }
    }

    /// What runtimes write as `imageID`: `REPOSITORY@sha256:…`, dockershim's `docker-pullable://…`; or the digest of the
    /// image's configuration alone (`sha256:…`, `docker://sha256:…`), which names no manifest.
    static func digest(of imageID: String) -> Digest? {
        guard let at = imageID.lastIndex(of: "@") else { return nil }
        return try? Digest(imageID[imageID.index(after: at)...])
    }
}

extension RegistryHost {
    /// A virtual host without a port is met by any port.
    fileprivate func isSame(as other: RegistryHost) -> Bool {
        self == other || (try? RegistryHost(other.name)) == self
    }
}
