package import OCI
package import PeerRegistry

/// What a cache gives to its peers, on the port of its clients.
package struct PeerSide: Sendable {
    package typealias Admission = @Sendable (RegistryHost, RepositoryName, Tag?) -> Bool

    let node: any NodeRegistry
    let mayFetch: Admission?

    /// - Parameters:
    ///   - node: answers from what is here.
    ///   - mayFetch: for what peers may have something fetched from its upstream; nil for nothing.
    package init(node: any NodeRegistry, mayFetch: Admission?) {
        self.node = node
        self.mayFetch = mayFetch
    }
}

/// Tells peers from clients by the field that peers send. It grants nothing: a client that sends it gets less.
struct SharingDispatcher: RequestDispatching {
    let clients: Dispatcher
    let peers: NodeDispatcher
    let mayFetch: PeerSide.Admission?

    func dispatch(_ request: Request) -> (kind: RequestKind, outcome: DispatchOutcome) {
        guard request.fields.isMirrored else { return clients.dispatch(request) }
        return isFetched(request) ? clients.dispatch(request) : peers.dispatch(request)
    }

    private func isFetched(_ request: Request) -> Bool {
        guard let mayFetch, let target = try? RequestTarget(request.target, limitBytes: peers.targetLimitBytes),
            let namespace = try? target.query.value(of: "ns"), let registry = try? RegistryHost(namespace)
        else { return false }
        switch Route(path: target.path) {
        case .manifest(let name, let reference):
            guard let repository = try? RepositoryName(name), let reference = try? ManifestReference(reference) else {
                return false
            }
            guard case .tag(let tag) = reference else { return mayFetch(registry, repository, nil) }
            return mayFetch(registry, repository, tag)
        case .blob(let name, _):
            guard let repository = try? RepositoryName(name) else { return false }
            return mayFetch(registry, repository, nil)
        case .base, .tags, .referrers, .catalog, .unknown, .operation: return false
        }
    }
}
