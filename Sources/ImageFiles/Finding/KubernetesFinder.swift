internal import ImageRewriting

/// Finds the images of a Kubernetes object: wherever a pod's specification is in it, whatever its kind; and where a
/// custom path leads.
///
/// A specification is a group with `containers`, `initContainers` or `ephemeralContainers` as a list. That holds for
/// every kind of Kubernetes' own that has a pod template, and for most others (Rollout, Knative's Service).
struct KubernetesFinder {
    /// Kubernetes API v1.34, core/v1 PodSpec.
    private static let containerLists = ["containers", "initContainers", "ephemeralContainers"]
    private static let depthLimit = 64

    let customPaths: [CustomPath]

    func find(_ document: SourceNode, at path: [String] = [], in collector: inout ImageCollector) throws(ImageFileError)
    {
        guard let kind = document.text("kind") else { return }
        // A List, kubectl's or a kind's own; a ResourceList of Kustomize's functions.
        if kind.hasSuffix("List"), let items = document["items"] {
            for (index, item) in items.items.enumerated() {
                try find(item.node, at: path + ["items", "\(index)"], in: &collector)
            }
            return
        }
        // Its schemas describe containers, and have none.
        guard kind != "CustomResourceDefinition" else { return }
        let metadata = document["metadata"]
        let name = metadata?.text("name") ?? metadata?.text("generateName") ?? ""
        let namespace = metadata?.text("namespace")
        collector.title = name.isEmpty ? kind : "\(kind) \(name)"
        collector.context = RewriteContext(namespace: namespace, labels: Self.labels(metadata))
        try search(document, at: path, depth: 0, in: &collector)
        for custom in customPaths where custom.kind == nil || custom.kind == kind {
            try follow(custom.steps[...], from: document, at: path, in: &collector)
        }
    }

    private static func labels(_ metadata: SourceNode?) -> [String: String] {
        var labels: [String: String] = [:]
        for entry in metadata?["labels"]?.entries ?? [] { labels[entry.key.text] = entry.value.scalar?.text }
        return labels
    }

    private func search(
        _ node: SourceNode, at path: [String], depth: Int, in collector: inout ImageCollector
    ) throws(ImageFileError) {
        guard depth < Self.depthLimit else { return }
        try collector.visit()
        if Self.containerLists.contains(where: { if case .list? = node[$0] { true } else { false } }) {
            try podSpecification(node, at: path, in: &collector)
        }
        // A template's labels are the pod's.
        let outer = collector.context
        if depth > 0, node["spec"] != nil, let metadata = node["metadata"] {
            collector.context.labels = Self.labels(metadata)
        }
        defer { collector.context = outer }
        for entry in node.entries {
            switch entry.value {
            case .scalar: continue
            default: try search(entry.value, at: path + [entry.key.text], depth: depth + 1, in: &collector)
            }
        }
        for (index, item) in node.items.enumerated() {
            if case .scalar = item.node { continue }
            try search(item.node, at: path + ["\(index)"], depth: depth + 1, in: &collector)
        }
    }

    private func podSpecification(
        _ node: SourceNode, at path: [String], in collector: inout ImageCollector
    ) throws(ImageFileError) {
        for list in Self.containerLists {
            for (index, item) in (node[list]?.items ?? []).enumerated() {
                try collector.addWhole(
                    "image", of: item.node, at: path + [list, "\(index)"], place: "\(list)[\(index)]",
                    pullPolicy: item.node.text("imagePullPolicy"))
            }
        }
        for (index, item) in (node["volumes"]?.items ?? []).enumerated() {
            guard let image = item.node["image"], image.isMap else { continue }
            try collector.addWhole(
                "reference", of: image, at: path + ["volumes", "\(index)", "image"], place: "volumes[\(index)]",
                pullPolicy: image.text("pullPolicy"))
        }
    }

    private func follow(
        _ steps: ArraySlice<String>, from node: SourceNode, at path: [String], in collector: inout ImageCollector
    ) throws(ImageFileError) {
        try collector.visit()
        guard let step = steps.first else { return }
        let rest = steps.dropFirst()
        if step == "*" {
            for (index, item) in node.items.enumerated() {
                let inner = path + ["\(index)"]
                if rest.isEmpty, let scalar = item.node.scalar {
                    collector.add(Slot(scalar: scalar, aliasKey: nil, path: inner), place: place(inner))
                } else {
                    try follow(rest, from: item.node, at: inner, in: &collector)
                }
            }
        }
        for entry in node.entries where step == "*" || entry.key.text == step {
            let inner = path + [entry.key.text]
            if rest.isEmpty, let scalar = entry.value.scalar {
                collector.add(
                    Slot(scalar: scalar, aliasKey: entry.isAlias ? entry.key : nil, path: inner), place: place(inner))
            } else {
                try follow(rest, from: entry.value, at: inner, in: &collector)
            }
        }
    }

    private func place(_ path: [String]) -> String { path.joined(separator: ".") }
}
