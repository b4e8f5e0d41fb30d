internal import Yams

/// A file that is a table of rules and nothing else, `name: {registry, username, accessToken}`.
enum RulesFile {
    /// What such files say to a cloud's own cache, and is nothing to us.
    private static let passedOver: Set<String> = [
        "repository_read_access_arns", "image_tag_mutability", "lifecycle_policy",
    ]

    /// The file as a configuration with these rules, and a warning for each key that is passed over.
    static func configuration(
        _ layer: ConfigurationLayer
    ) -> (layer: ConfigurationLayer, warnings: [ConfigurationProblem]) {
        var layer = layer
        var warnings: [ConfigurationProblem] = []
        if case .mapping(let rules) = layer.node {
            let known = rules.map { name, rule -> (Node, Node) in
                guard case .mapping(let keys) = rule else { return (name, rule) }
                let kept = keys.filter { key, _ in
                    guard let text = key.scalar?.string, passedOver.contains(text) else { return true }
                    let place = ConfigurationProblem.Place(
                        source: layer.source, line: key.mark?.line, column: key.mark?.column)
                    warnings.append(
                        ConfigurationProblem("'\(text)' has no effect here", at: place, severity: .warning))
                    return false
                }
                return (name, .mapping(Node.Mapping(Array(kept), keys.tag, keys.style, keys.mark)))
            }
            layer.node = .mapping(Node.Mapping(known, rules.tag, rules.style, rules.mark))
        }
        layer.node = Node([(Node("rules"), layer.node)])
        return (layer, warnings)
    }
}
