package import ImageRewriting
internal import OCI
internal import Rules

/// Which images pods may use. Judged is what is pulled in the end: after rewriting.
package struct ImagePolicy: Sendable {
    package enum Action: String, Sendable, Hashable, CaseIterable {
        case allow, warn, deny
    }

    /// Registries that images may come from; empty: any. An image that Weir serves may also name its own here.
    package var allowedRegistries: [Matcher]
    /// Registries that no image may come from, whether by Weir or not.
    package var deniedRegistries: [Matcher]
    /// What a registry that is not allowed, or is denied, leads to; default ``Action/deny``.
    package var registryAction: Action
    /// For tags that move by their form, such as `latest`, where there is no digest; default ``Action/allow``.
    package var movingTags: Action
    /// For images without a digest; default ``Action/allow``.
    package var missingDigests: Action

    package init(
        allowedRegistries: [Matcher] = [], deniedRegistries: [Matcher] = [], registryAction: Action = .deny,
        movingTags: Action = .allow, missingDigests: Action = .allow
    ) {
        self.allowedRegistries = allowedRegistries
        self.deniedRegistries = deniedRegistries
        self.registryAction = registryAction
        self.movingTags = movingTags
        self.missingDigests = missingDigests
    }

    /// Whether anything is ever warned of or denied.
    package var isEmpty: Bool {
        (allowedRegistries.isEmpty && deniedRegistries.isEmpty || registryAction == .allow) && movingTags == .allow
            && missingDigests == .allow
    }

    struct Finding: Hashable {
        var action: Action
        var reason: String
    }

    /// What is wrong with an image; what is allowed is not listed.
    /// - Parameter original: what Weir serves under this name, where it is Weir's.
    func findings(_ image: String, original: String?) -> [Finding] {
        guard let reference = try? ImageReference(image) else {
            // Nobody can tell where it comes from; the node will not pull it either.
            let action = [usedRegistryAction, movingTags, missingDigests].max(by: Self.isMilder) ?? .allow
            return action == .allow ? [] : [Finding(action: action, reason: "it is no reference")]
        }
        var findings: [Finding] = []
        if let reason = registryProblem(reference, original.flatMap { try? ImageReference($0) }) {
            findings.append(Finding(action: registryAction, reason: reason))
        }
        if reference.digest == nil {
            if missingDigests != .allow {
                findings.append(Finding(action: missingDigests, reason: "it has no digest"))
            }
            let tag = reference.tag ?? .latest
            if movingTags != .allow, TagClass(tag) == .moving {
                findings.append(Finding(action: movingTags, reason: "the tag '\(tag)' moves"))
            }
        }
        return findings.filter { $0.action != .allow }
    }

    private var usedRegistryAction: Action {
        allowedRegistries.isEmpty && deniedRegistries.isEmpty ? .allow : registryAction
    }

    private static func isMilder(_ left: Action, _ right: Action) -> Bool {
        let order: [Action] = [.allow, .warn, .deny]
        return (order.firstIndex(of: left) ?? 0) < (order.firstIndex(of: right) ?? 0)
    }

    private func registryProblem(_ image: ImageReference, _ original: ImageReference?) -> String? {
        let registries = [image.registry.description] + (original.map { [$0.registry.description] } ?? [])
        if let denied = registries.first(where: { Self.any(deniedRegistries, $0) }) {
            return "images from '\(denied)' are denied"
        }
        guard !allowedRegistries.isEmpty, !registries.contains(where: { Self.any(allowedRegistries, $0) }) else {
            return nil
        }
        return "images from '\(registries.last ?? "")' are not allowed"
    }

    private static func any(_ matchers: [Matcher], _ registry: String) -> Bool {
        guard !matchers.isEmpty else { return false }
        let input = PatternInput(registry)
        return matchers.contains { $0.matches(input) }
    }
}
