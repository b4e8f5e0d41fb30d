package import KubernetesClient

/// Who may do what, as Roles and ClusterRoles say it.
package struct Grant: Sendable, Hashable {
    package var verbs: Set<String>
    package var kind: ResourceKind
    /// Nil: in all namespaces.
    package var namespace: String?
    /// Empty: any. As in RBAC, `list`, `watch` and `create` cannot be bound to names, save where a field selector
    /// names one.
    package var names: Set<String>

    package init(_ verbs: Set<String>, _ kind: ResourceKind, namespace: String? = nil, names: Set<String> = []) {
        self.verbs = verbs
        self.kind = kind
        self.namespace = namespace
        self.names = names
    }

    func allows(_ call: APICall) -> Bool {
        guard verbs.contains(call.verb.rawValue), call.kind == kind else { return false }
        if let namespace, call.namespace != namespace { return false }
        if names.isEmpty { return true }
        let selected = call.query["fieldSelector"].flatMap { selector -> String? in
            selector.hasPrefix("metadata.name=") ? String(selector.dropFirst("metadata.name=".count)) : nil
        }
        guard call.verb != .create, let name = call.name ?? selected else { return false }
        return names.contains(name)
    }
}

/// A client that the server knows.
package struct Account: Sendable {
    package var name: String
    /// Nil may do everything.
    package var grants: [Grant]?

    package init(_ name: String, grants: [Grant]? = nil) {
        self.name = name
        self.grants = grants
    }

    func allows(_ call: APICall) -> Bool { grants.map { $0.contains { $0.allows(call) } } ?? true }
}
