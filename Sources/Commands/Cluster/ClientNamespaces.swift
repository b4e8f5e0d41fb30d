internal import ClusterImages
internal import PullThroughCache
internal import Rules
internal import Synchronization

/// Tells the cache for which namespaces nodes pull, once a cluster is followed: the cache is there before the cluster.
final class ClientNamespaces: Sendable {
    private let current = Mutex<PullNamespaces?>(nil)

    func namespace(at address: String, _ repository: RepositoryKey, _ reference: String) -> String? {
        current.withLock(\.self)?(address, repository, reference)
    }

    func follow(_ follower: ImageFollower, resolver: @escaping @Sendable () -> RunningImageResolver) {
        current.withLock { current in
            current = { address, repository, reference in
                let uses = follower.uses(at: address)
                if uses.isEmpty { return nil }
                return PullingNamespace.find(pulling: reference, of: repository, among: uses, resolver: resolver())
            }
        }
    }
}
