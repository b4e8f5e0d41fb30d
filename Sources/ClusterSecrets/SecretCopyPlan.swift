package import KubernetesClient

/// Decides what is done that a namespace has a copy of a pull secret. Copies carry a label and an annotation that say whose
/// they are; what carries neither, or another's, is never touched.
package enum SecretCopyPlan {
    package enum Action: Sendable, Hashable {
        case nothing
        /// A secret of that name is there, and is not Weir's.
        case leaveForeign
        case create(JSONTree)
        case replace(JSONTree)
        /// A secret's type never changes: the old one goes first, if it still is what it was.
        case recreate(JSONTree, resourceVersion: String?)
    }

    package static let managerLabel = "app.kubernetes.io/managed-by"
    package static let manager = "weir"
    /// `NAMESPACE/NAME` of the original.
    package static let sourceAnnotation = "weir.dev/copied-from"

    /// - Parameters:
    ///   - source: the original, whose type and data are copied, and nothing else.
    ///   - copy: what is there; nil: nothing.
    package static func action(source: JSONTree, copy: JSONTree?, namespace: String) -> Action {
        let name = source.at("metadata", "name") ?? ""
        let origin = "\(source.at("metadata", "namespace")?.string ?? "")/\(name.string ?? "")"
        var wanted: JSONTree = [
            "apiVersion": "v1", "kind": "Secret", "type": source["type"] ?? "Opaque", "data": source["data"] ?? [:],
            "metadata": [
                "name": name, "namespace": .string(namespace), "labels": [managerLabel: .string(manager)],
                "annotations": [sourceAnnotation: .string(origin)],
            ],
        ]
        guard let copy else { return .create(wanted) }
        guard copy.at("metadata", "labels", managerLabel)?.string == manager,
            copy.at("metadata", "annotations", sourceAnnotation)?.string == origin
        else { return .leaveForeign }
        if copy["type"] != wanted["type"] {
            return .recreate(wanted, resourceVersion: copy.at("metadata", "resourceVersion")?.string)
        }
        guard copy["data"] != wanted["data"] else { return .nothing }
        // Everything that others wrote beside stays; the version has a change of theirs in between refused.
        wanted["metadata"] = copy["metadata"]
        return .replace(wanted)
    }
}
