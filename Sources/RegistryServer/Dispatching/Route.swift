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
        var path = path
        // Over contiguous bytes: a route is found for every request.
        let found = path.withUTF8 { Self.parse($0) }
        self = found ?? .operation(path: path)
    }

    /// Nil where `path` lies outside of `/v2/`.
    private static func parse(_ path: UnsafeBufferPointer<UInt8>) -> Route? {
        let prefix: StaticString = "/v2"
        guard isSame(path.prefix(3), prefix) else { return nil }
        guard path.count > 4 else { return path.count == 3 || path[3] == slash ? .base : nil }
        guard path[3] == slash else { return nil }
        let rest = path[4...]
        if isSame(rest, "_catalog") { return .catalog }
        guard let last = rest.lastIndex(of: slash), let middle = rest[..<last].lastIndex(of: slash),
            middle > rest.startIndex
        else { return .unknown }
        let (name, endpoint, tail) = (rest[..<middle], rest[(middle + 1)..<last], rest[(last + 1)...])
        if isSame(endpoint, "manifests") { return .manifest(name: text(name), reference: text(tail)) }
        if isSame(endpoint, "blobs") { return .blob(name: text(name), digest: text(tail)) }
        if isSame(endpoint, "referrers") { return .referrers(name: text(name), digest: text(tail)) }
        if isSame(endpoint, "tags"), isSame(tail, "list") { return .tags(name: text(name)) }
        return .unknown
    }

    private static func text(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String {
        String(decoding: UnsafeBufferPointer(rebasing: bytes), as: UTF8.self)
    }

    private static func isSame(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ text: StaticString) -> Bool {
        bytes.elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
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
enum RequestKind: Int, Sendable, CaseIterable {
    case manifest, blob, tags, referrers, catalog, base, operation, other

    var name: String { "\(self)" }
}

private let slash = UInt8(ascii: "/")
