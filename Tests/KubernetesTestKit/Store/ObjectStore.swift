internal import KubernetesClient

/// Every object with its history, as etcd keeps them: one counter of versions for all, old ones compacted away.
package struct ObjectStore: Sendable {
    package struct Key: Sendable, Hashable, Comparable {
        package var plural: String
        package var namespace: String
        package var name: String

        package static func < (left: Key, right: Key) -> Bool {
            (left.plural, left.namespace, left.name) < (right.plural, right.namespace, right.name)
        }
    }

    struct Change: Sendable {
        enum Kind: Sendable { case added, modified, deleted }
        var revision: Int64
        var kind: Kind
        var key: Key
        /// As it is after the change; of a deletion, as it was.
        var object: JSONTree
        /// Before it; nil of an addition.
        var previous: JSONTree?
    }

    private(set) var revision: Int64 = 1000
    private(set) var objects: [Key: JSONTree] = [:]
    private(set) var history: [Change] = []
    /// Versions up to this one are forgotten.
    private(set) var compacted: Int64 = 0
    /// States that continue tokens go on reading.
    private var snapshots: [Int64: [Key: JSONTree]] = [:]
    private var identifiers = 0
    /// Whether versions are texts that say nothing, as clients have to take them, rather than numbers.
    var hidesVersions = false

    package init() {}

    // MARK: Versions

    /// "Kubernetes API Concepts", "Resource versions": opaque to clients. The hidden form needs encoding in a query.
    func version(_ revision: Int64) -> String { hidesVersions ? "v+\(String(revision, radix: 36))/=" : "\(revision)" }

    /// Nil for a text that is none.
    func revision(of text: String) -> Int64? {
        guard hidesVersions else { return Int64(text) }
        guard text.hasPrefix("v+"), text.hasSuffix("/=") else { return nil }
        return Int64(text.dropFirst(2).dropLast(2), radix: 36)
    }

    subscript(key: Key) -> JSONTree? { objects[key] }

    // MARK: Writing

    /// - Parameter object: checked already.
    mutating func add(_ object: JSONTree, at key: Key) -> JSONTree {
        identifiers += 1
        var object = object
        let suffix = String(identifiers, radix: 16)
        object["metadata"]?["uid"] = .string(
            "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - suffix.count) + suffix)
        object["metadata"]?["creationTimestamp"] = "2024-05-01T10:00:00Z"
        return write(object, at: key, previous: nil, kind: .added)
    }

    mutating func change(_ object: JSONTree, at key: Key) -> JSONTree {
        guard let previous = objects[key] else { return object }
        var object = object
        for name in ["uid", "creationTimestamp"] { object["metadata"]?[name] = previous.at("metadata", name) }
        object["metadata"]?["resourceVersion"] = previous.at("metadata", "resourceVersion")
        // What changes nothing makes no new version.
        if object == previous { return previous }
        return write(object, at: key, previous: previous, kind: .modified)
    }

    mutating func remove(_ key: Key) -> JSONTree? {
        guard var object = objects.removeValue(forKey: key) else { return nil }
        let previous = object
        revision += 1
        object["metadata"]?["resourceVersion"] = .string(version(revision))
        history.append(Change(revision: revision, kind: .deleted, key: key, object: object, previous: previous))
        return object
    }

    private mutating func write(
        _ object: JSONTree, at key: Key, previous: JSONTree?, kind: Change.Kind
    ) -> JSONTree {
        revision += 1
        var object = object
        object["metadata"]?["resourceVersion"] = .string(version(revision))
        objects[key] = object
        history.append(Change(revision: revision, kind: kind, key: key, object: object, previous: previous))
        return object
    }

    /// Forgets every version before the present one.
    mutating func compact() {
        compacted = revision
        history = []
        snapshots = [:]
    }

    /// Counts up as other kinds' objects would, so that versions have gaps.
    mutating func skip(_ count: Int64) { revision += count }

    // MARK: Reading

    /// One page of a list.
    mutating func page(
        _ kind: ResourceKind, namespace: String?, limit: Int?, continueToken: String?, _ matches: (JSONTree) -> Bool
    ) throws(APIStatus) -> (items: [JSONTree], revision: Int64, continueToken: String?, remaining: Int) {
        var at = revision
        var state = objects
        var last: Key?
        if let continueToken {
            guard let token = ContinueToken(continueToken) else {
                throw .badRequest("continue key is not valid: illegal base64 data")
            }
            last = Key(plural: kind.plural, namespace: token.namespace, name: token.name)
            if let revision = token.revision {
                guard revision > compacted || revision == self.revision, let snapshot = snapshots[revision] else {
                    let renewed = ContinueToken(revision: nil, namespace: token.namespace, name: token.name)
                    throw .tokenExpired(inconsistent: renewed.text)
                }
                at = revision
                state = snapshot
            }
        }
        let keys = state.keys.filter { key in
            key.plural == kind.plural && (namespace == nil || key.namespace == namespace)
                && last.map { $0 < key } ?? true
        }.sorted().filter { state[$0].map(matches) ?? false }
        let taken = keys.prefix(limit ?? keys.count)
        let items = taken.compactMap { state[$0] }
        guard let end = taken.last, taken.count < keys.count else { return (items, at, nil, 0) }
        snapshots[at] = state
        let token = ContinueToken(revision: at, namespace: end.namespace, name: end.name)
        return (items, at, token.text, keys.count - taken.count)
    }

    /// Changes after `revision`.
    /// - Throws: where they are forgotten.
    func changes(after revision: Int64) throws(APIStatus) -> ArraySlice<Change> {
        guard revision >= compacted else { throw .expired }
        let index = history.firstIndex { $0.revision > revision } ?? history.endIndex
        return history[index...]
    }
}

/// Where a list goes on. Opaque to clients; the real one is Base64 of JSON, too.
struct ContinueToken {
    var revision: Int64?
    var namespace: String
    var name: String

    init(revision: Int64?, namespace: String, name: String) {
        self.revision = revision
        self.namespace = namespace
        self.name = name
    }

    init?(_ text: String) {
        guard let bytes = Base64.decode(text), let tree = try? JSONTree(parsing: bytes),
            let start = tree["start"]?.string
        else { return nil }
        let parts = start.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { return nil }
        revision = tree["rv"]?.integer.flatMap { $0 == -1 ? nil : $0 }
        (namespace, name) = (parts[0], parts[1])
    }

    var text: String {
        let tree: JSONTree = [
            "v": "meta.k8s.io/v1", "rv": .integer(revision ?? -1), "start": .string("\(namespace)/\(name)"),
        ]
        return Base64.encode(tree.bytes)
    }
}
