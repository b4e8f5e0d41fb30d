internal import JSON

/// An image that a pod uses, and where it is written.
package struct PodImage: Sendable, Hashable {
    package enum Role: String, Sendable, Hashable, CaseIterable {
        case containers, initContainers, ephemeralContainers
        /// `volumes[].image.reference`: an image mounted as a volume.
        case volumes
    }

    package let role: Role
    /// The container's or the volume's. Names are unique within a pod's containers of all kinds, and its volumes; an
    /// object that is yet to be checked may break that.
    package let name: String
    package let index: Int
    /// As it is written.
    package let text: String

    /// RFC 6901.
    var pointer: String { "/spec/\(role.rawValue)/\(index)/\(role == .volumes ? "image/reference" : "image")" }
    /// What it is called in the annotation: `containers/web`.
    var key: String { "\(role.rawValue)/\(name)" }
}

/// What there is to know of a pod.
struct Pod: Sendable {
    /// An object with more is none that a cluster could run.
    static let imageLimit = 1000

    let object: JSONNode
    let images: [PodImage]
    /// Whether there are more than are listed.
    let hasTooManyImages: Bool

    init(_ object: JSONNode) {
        self.object = object
        var images: [PodImage] = []
        var hasTooMany = false
        if let spec = object["spec"] {
            for role in PodImage.Role.allCases {
                for (index, item) in (spec[member: role.rawValue]?.items ?? []).enumerated() {
                    let image = role == .volumes ? item["image"]?["reference"] : item["image"]
                    guard let text = image?.string, !text.isEmpty else { continue }
                    guard images.count < Self.imageLimit else {
                        hasTooMany = true
                        break
                    }
                    images.append(
                        PodImage(role: role, name: item["name"]?.string ?? "", index: index, text: text))
                }
            }
        }
        self.images = images
        hasTooManyImages = hasTooMany
    }

    private var metadata: JSONNode? { object["metadata"] }
    var hasMetadata: Bool { metadata?.isObject == true }
    var hasAnnotations: Bool { metadata?["annotations"]?.isObject == true }

    func annotation(_ name: StaticString) -> String? { metadata?["annotations"]?[name]?.string }
    func label(_ name: StaticString) -> String? { metadata?["labels"]?[name]?.string }

    var labels: [String: String] { metadata?["labels"]?.strings ?? [:] }
    var namespace: String? { metadata?["namespace"]?.string }
    /// Nil where the pod has no list of them.
    var pullSecrets: [String]? {
        guard let list = object["spec"]?["imagePullSecrets"], list.isArray else { return nil }
        return list.items.compactMap { $0["name"]?.string }
    }

    /// A pod that a node made for a static pod of its own: what it says of images changes nothing, and must be what
    /// the node's file says.
    var isMirror: Bool { annotation("kubernetes.io/config.mirror") != nil }
}
