/// One line of a watch. Kubernetes API concepts, "Efficient detection of changes".
enum WatchEvent<Item: Decodable & Sendable>: Decodable, Sendable {
    case changed(Item, resourceVersion: String)
    case removed(Item, resourceVersion: String)
    case bookmark(resourceVersion: String)
    case failed(KubernetesStatus)
    /// A type that is not known; harmless.
    case other

    private enum Keys: String, CodingKey { case type, object }

    private struct Versioned: Decodable {
        struct Metadata: Decodable { var resourceVersion: String }
        var metadata: Metadata
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        let version = { try container.decode(Versioned.self, forKey: .object).metadata.resourceVersion }
        switch try container.decode(String.self, forKey: .type) {
        case "ADDED", "MODIFIED":
            self = .changed(try container.decode(Item.self, forKey: .object), resourceVersion: try version())
        case "DELETED":
            self = .removed(try container.decode(Item.self, forKey: .object), resourceVersion: try version())
        case "BOOKMARK": self = .bookmark(resourceVersion: try version())
        case "ERROR":
            self = .failed(KubernetesStatus(code: 500, body: try container.decode(JSONTree.self, forKey: .object)))
        default: self = .other
        }
    }
}
