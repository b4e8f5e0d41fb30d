/// A kind of object, as the API server's paths name it.
package struct ResourceKind: Sendable, Hashable {
    /// Empty for the core group.
    package let group: String
    package let version: String
    package let plural: String
    package let kind: String
    package let isNamespaced: Bool

    package init(group: String, version: String, plural: String, kind: String, isNamespaced: Bool) {
        self.group = group
        self.version = version
        self.plural = plural
        self.kind = kind
        self.isNamespaced = isNamespaced
    }

    package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    package static let pods = ResourceKind(
        group: "", version: "v1", plural: "pods", kind: "Pod", isNamespaced: true)
    package static let nodes = ResourceKind(
        group: "", version: "v1", plural: "nodes", kind: "Node", isNamespaced: false)
    package static let namespaces = ResourceKind(
        group: "", version: "v1", plural: "namespaces", kind: "Namespace", isNamespaced: false)
    package static let secrets = ResourceKind(
        group: "", version: "v1", plural: "secrets", kind: "Secret", isNamespaced: true)
    package static let leases = ResourceKind(
        group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease", isNamespaced: true)
    package static let mutatingWebhookConfigurations = ResourceKind(
        group: "admissionregistration.k8s.io", version: "v1", plural: "mutatingwebhookconfigurations",
        kind: "MutatingWebhookConfiguration", isNamespaced: false)
    package static let validatingWebhookConfigurations = ResourceKind(
        group: "admissionregistration.k8s.io", version: "v1", plural: "validatingwebhookconfigurations",
        kind: "ValidatingWebhookConfiguration", isNamespaced: false)

    /// The path of all such objects.
    /// - Parameter namespace: nil means all namespaces.
    func path(namespace: String?) throws(KubernetesError) -> String {
        var path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        if isNamespaced, let namespace { path += "/namespaces/\(try Self.segment(namespace))" }
        return "\(path)/\(plural)"
    }

    /// Names are checked and not encoded: every name that Kubernetes knows is its own encoding, and one that is not
    /// would lead to another object.
    static func segment(_ name: String) throws(KubernetesError) -> String {
        let isName =
            (1...253).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            }
        guard isName else {
            throw .refused(KubernetesStatus(code: 404, reason: .notFound, message: "no object can be called so"))
        }
        return name
    }
}

/// One object.
package struct ObjectAddress: Sendable, Hashable, CustomStringConvertible {
    package var kind: ResourceKind
    /// Nil for kinds that have none.
    package var namespace: String?
    package var name: String

    package init(_ kind: ResourceKind, namespace: String? = nil, name: String) {
        self.kind = kind
        self.namespace = kind.isNamespaced ? namespace ?? "default" : nil
        self.name = name
    }

    var path: String {
        get throws(KubernetesError) { "\(try kind.path(namespace: namespace))/\(try ResourceKind.segment(name))" }
    }

    package var description: String {
        let place = namespace.map { "\($0)/" } ?? ""
        return "\(kind.kind) \(place)\(name)"
    }
}
