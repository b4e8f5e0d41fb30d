/// Which endpoint a path names. OCI Distribution 1.1, "Endpoints".
///
/// Names, references and digests are as the client wrote them: that they are well formed is found out by parsing
/// them, one step later.
enum Route: Sendable, Hashable {
    case base
    case manifest(name: String, reference: String)
    case blob(name: String, digest: String)
    case tags(name: String)
    case referrers(name: String, digest: String)
    case catalog
    /// Something outside of `/v2/`.
    case operation(path: String)
    /// Something under `/v2/` that is no endpoint.
    case unknown

    /// Reads from the right, since a repository's name may have components like `manifests` and `tags`.
    init(path: String) {
        guard path.hasPrefix("/v2") else {
            self = .operation(path: path)
            return
        }
        let afterPrefix = path.dropFirst(3)
        guard afterPrefix.isEmpty || afterPrefix.hasPrefix("/") else {
            self = .operation(path: path)
            return
        }
        let rest = afterPrefix.dropFirst()
        switch rest {
        case "":
            self = .base
            return
        case "_catalog":
            self = .catalog
            return
        default: break
        }
        guard let last = rest.utf8.lastIndex(of: slash) else {
            self = .unknown
            return
        }
        let tail = rest[rest.utf8.index(after: last)...]
        let head = rest[..<last]
        guard let middle = head.utf8.lastIndex(of: slash), middle > head.startIndex else {
            self = .unknown
            return
        }
        let name = String(head[..<middle])
        switch (head[head.utf8.index(after: middle)...], tail) {
        case ("manifests", _): self = .manifest(name: name, reference: String(tail))
        case ("blobs", _): self = .blob(name: name, digest: String(tail))
        case ("referrers", _): self = .referrers(name: name, digest: String(tail))
        case ("tags", "list"): self = .tags(name: name)
        default: self = .unknown
        }
    }

    var kind: RequestKind {
        switch self {
        case .base: .base
        case .manifest: .manifest
        case .blob: .blob
        case .tags: .tags
        case .referrers: .referrers
        case .catalog: .catalog
        case .operation: .operation
        case .unknown: .other
        }
    }
}

/// What requests are counted by.
enum RequestKind: String, Sendable, CaseIterable {
    case manifest, blob, tags, referrers, catalog, base, operation, other
}

private let slash = UInt8(ascii: "/")
