/// What a file, or a document in it, is for.
package enum FileKind: String, Sendable, CaseIterable {
    case kubernetes
    case helmValues = "helm-values"
    case kustomize
    case compose
    case dockerfile

    /// What the file's name alone says; nil where it says nothing.
    package init?(fileName: String) {
        let name = fileName.lowercased()
        if name == "dockerfile" || name == "containerfile" || name.hasPrefix("dockerfile.")
            || name.hasPrefix("containerfile.") || name.hasSuffix(".dockerfile") || name.hasSuffix(".containerfile")
        {
            self = .dockerfile
            return
        }
        guard let stem = Self.yamlStem(name) else {
            guard name == "kustomization" else { return nil }
            self = .kustomize
            return
        }
        if stem == "kustomization" {
            self = .kustomize
        } else if stem == "compose" || stem.hasPrefix("compose.") || stem.hasPrefix("docker-compose") {
            self = .compose
        } else if stem == "values" || stem.hasPrefix("values.") || stem.hasPrefix("values-")
            || stem.hasSuffix("values") && stem.dropLast(6).last.map({ "-_.".contains($0) }) == true
        {
            self = .helmValues
        } else {
            return nil
        }
    }

    /// Whether a file of this name may name images at all.
    package static func isCandidate(fileName: String) -> Bool {
        let name = fileName.lowercased()
        return yamlStem(name) != nil || name.hasSuffix(".json") || FileKind(fileName: fileName) != nil
    }

    private static func yamlStem(_ name: String) -> String? {
        for ending in [".yaml", ".yml"] where name.hasSuffix(ending) { return String(name.dropLast(ending.count)) }
        return nil
    }

    /// What a document is by what is in it, and by its file's name where that leaves doubt; nil: no images known.
    init?(_ document: SourceNode, fileKind: FileKind?) {
        if let kind = document.text("kind"), document["apiVersion"]?.scalar != nil {
            let isKustomize =
                document.text("apiVersion")?.hasPrefix("kustomize.config.k8s.io/") == true
                || kind == "Kustomization" && fileKind == .kustomize
            self = isKustomize ? .kustomize : .kubernetes
            return
        }
        if let fileKind, fileKind != .dockerfile {
            self = fileKind
            return
        }
        let services = document["services"]?.entries.map(\.value) ?? []
        guard services.contains(where: { $0["image"]?.scalar != nil || $0["build"] != nil }) else { return nil }
        self = .compose
    }

    /// Whether text of no known name begins as a Dockerfile does.
    static func looksLikeDockerfile(_ source: SourceText) -> Bool {
        for line in source.text.split(whereSeparator: \.isNewline) {
            let line = line.drop { $0 == " " || $0 == "\t" }
            if line.isEmpty || line.hasPrefix("#") { continue }
            let word = line.prefix { $0 != " " && $0 != "\t" }
            return word.count < line.count && ["FROM", "ARG"].contains(word.uppercased()) && !word.contains(":")
        }
        return false
    }
}
