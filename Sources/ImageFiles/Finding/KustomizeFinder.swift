internal import OCI

/// Finds the images of a Kustomization: entries of `images` (Kustomize `api/types/image.go`: name, newName, newTag,
/// digest). An entry's `name` is what it matches in the manifests; what is pulled is `newName`, else that name.
struct KustomizeFinder {
    func find(_ document: SourceNode, in collector: inout ImageCollector) throws(ImageFileError) {
        for (index, item) in (document["images"]?.items ?? []).enumerated() {
            try collector.visit()
            let path = ["images", "\(index)"]
            guard let nameEntry = item.node.entries.first(where: { $0.key.text == "name" }), !nameEntry.isAlias,
                let name = try collector.slot("name", of: item.node, at: path), !name.scalar.text.isEmpty
            else { continue }
            let newName = try collector.slot("newName", of: item.node, at: path)
            var reference = newName?.scalar.text ?? name.scalar.text
            if reference.isEmpty { reference = name.scalar.text }
            if let tag = item.node.text("newTag"), !tag.isEmpty { reference += ":\(tag)" }
            if let digest = item.node.text("digest"), !digest.isEmpty { reference += "@\(digest)" }
            guard collector.isNew(newName.map { [$0] } ?? [name]) else { continue }
            collector.append(
                reference: reference, written: reference, at: (newName ?? name).scalar.start, place: "images[\(index)]",
                pullPolicy: nil, isOpen: false,
                .kustomize(name: name, newName: newName, entryKeyStart: nameEntry.key.start))
        }
    }
}
