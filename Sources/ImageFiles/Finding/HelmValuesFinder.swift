internal import OCI

/// Finds the images of a chart's values by the conventions of charts (helm.sh, "Values"; Bitnami's charts).
///
/// A group is an image where it has a `repository`, and either is called `image` or `…Image`, or has `tag`, `digest`,
/// `registry`, `sha` or `pullPolicy` beside. A text is one where its key is `image` or ends with `Image`. In both
/// cases it has to be a reference: `chart: { repository: https://… }` is none.
struct HelmValuesFinder {
    private static let companions = ["tag", "digest", "sha", "registry", "pullPolicy", "imagePullPolicy"]
    private static let depthLimit = 64

    func find(
        _ node: SourceNode, key: String = "", at path: [String] = [], in collector: inout ImageCollector
    ) throws(ImageFileError) {
        guard path.count < Self.depthLimit else { return }
        try collector.visit()
        if node.isMap, try addParts(of: node, key: key, at: path, in: &collector) { return }
        for entry in node.entries {
            let inner = path + [entry.key.text]
            guard let scalar = entry.value.scalar else {
                try find(entry.value, key: entry.key.text, at: inner, in: &collector)
                continue
            }
            guard Self.isImageKey(entry.key.text), Self.isReference(scalar.text) else { continue }
            collector.add(
                Slot(scalar: scalar, aliasKey: entry.isAlias ? entry.key : nil, path: inner),
                place: inner.joined(separator: "."))
        }
        for (index, item) in node.items.enumerated() {
            try find(item.node, key: key, at: path + ["\(index)"], in: &collector)
        }
    }

    private static func isImageKey(_ key: String) -> Bool { key == "image" || key.hasSuffix("Image") }

    private static func isReference(_ text: String) -> Bool {
        let text = VariableText(text)
        // A bare word may be anything (`image: true`); a short name alone is as good as always an image here.
        return (try? ImageReference(text.evaluated)) != nil && !["true", "false", "null"].contains(text.evaluated)
    }

    private func addParts(
        of node: SourceNode, key: String, at path: [String], in collector: inout ImageCollector
    ) throws(ImageFileError) -> Bool {
        let hasCompanion = Self.companions.contains { node[$0] != nil }
        var name = "repository"
        if node["repository"] == nil, Self.isImageKey(key), hasCompanion { name = "name" }
        guard Self.isImageKey(key) || hasCompanion, let repository = try collector.slot(name, of: node, at: path)
        else { return false }
        var registry = try collector.slot("registry", of: node, at: path)
        if registry?.scalar.text.isEmpty == true || registry?.scalar.text == "null" || registry?.scalar.text == "~" {
            registry = nil
        }
        var reference = (registry.map { "\($0.scalar.text)/" } ?? "") + repository.scalar.text
        // The repository alone must not have a tag, or the chart would put a second one behind it.
        guard VariableText.parts(reference).suffix.isEmpty else { return false }
        reference += suffix(of: node)
        guard (try? ImageReference(reference)) != nil else { return false }
        if let registry, !RegistryHost.isLikelyHost(registry.scalar.text.prefix { $0 != "/" }) { return false }
        guard collector.isNew([repository] + (registry.map { [$0] } ?? [])) else { return true }
        collector.append(
            reference: reference, written: reference, at: (registry ?? repository).scalar.start,
            place: path.joined(separator: "."),
            pullPolicy: node.text("pullPolicy") ?? node.text("imagePullPolicy"), isOpen: false,
            .parts(registry: registry, repository: repository))
        return true
    }

    private func suffix(of node: SourceNode) -> String {
        var suffix = ""
        if let tag = node.text("tag"), (try? Tag(tag)) != nil, tag != "null" { suffix += ":\(tag)" }
        if let digest = node.text("digest") ?? node.text("sha") {
            if (try? Digest(digest)) != nil {
                suffix += "@\(digest)"
            } else if (try? Digest("sha256:\(digest)")) != nil {
                suffix += "@sha256:\(digest)"
            }
        }
        return suffix
    }
}
