package import KubernetesClient
package import Logging
internal import Synchronization
package import Timekeeping

/// Knows the images that a cluster's pods use, as long as somebody runs it.
package final class ImageFollower: Sendable {
    /// How well the cluster is known.
    package struct Contact: Sendable, Hashable {
        /// Whether all pods were told once.
        package var isComplete: Bool
        /// When the API server last said that what is known is current; nil: never.
        package var lastHeard: Timestamp?
        /// Why nothing is heard; nil while all is well.
        package var problem: String?
    }

    private struct State {
        var table: ImageTable
        var contact = Contact(isComplete: false, lastHeard: nil, problem: nil)
        /// Counts changes of which images are in use.
        var changes = 0
        var reportedDrop = false
    }

    private let client: KubernetesClient
    private let namespace: String?
    private let clock: any WallClock
    private let logger: Logger
    private let observe: @Sendable () -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - namespace: nil follows all.
    ///   - observe: called after whatever was told is known; must not block.
    package init(
        client: KubernetesClient, namespace: String?, limits: ImageTable.Limits = .init(), clock: any WallClock,
        observe: @escaping @Sendable () -> Void = {}, logger: Logger
    ) {
        self.observe = observe
        self.client = client
        self.namespace = namespace
        self.clock = clock
        self.logger = logger
        state = Mutex(State(table: ImageTable(limits: limits)))
    }

    package var contact: Contact { state.withLock { $0.contact } }
    package var entries: [ImageTable.Entry] { state.withLock { $0.table }.entries() }
    package var podCount: Int { state.withLock { $0.table.podCount } }
    package var imageCount: Int { state.withLock { $0.table.imageCount } }

    /// The images, with a number that is another when they have changed.
    package var uses: (changes: Int, uses: [PodImages.Use]) { state.withLock { ($0.changes, $0.table.uses) } }
    /// What the pods on the node at `address` use, with their namespaces; in no order.
    package func uses(at address: String) -> [(namespace: String, use: PodImages.Use)] {
        state.withLock { $0.table.uses(at: address) }
    }
    package var changeCount: Int { state.withLock { $0.changes } }

    /// Follows pods, and nodes where it may, until cancelled.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await ResourceFollower(self.client, .pods, of: PodImages.self, namespace: self.namespace)
                    .run { self.take($0) }
            }
            // Without the right to see nodes, platforms stay unknown, and nothing else suffers.
            group.addTask {
                await ResourceFollower(self.client, .nodes, of: NodePlatform.self).run { self.take($0) }
            }
        }
    }

    private func take(_ event: FollowEvent<PodImages>) {
        defer { observe() }
        let now = clock.now()
        let note = state.withLock { state -> String? in
            switch event {
            case .listing: state.table.beginListing()
            case .page(let pods): for pod in pods { state.table.put(pod) }
            case .listed:
                state.table.endListing()
                state.contact.isComplete = true
                state.changes += 1
            case .changed(let pod):
                state.table.put(pod)
                state.changes += 1
            case .removed(let pod):
                state.table.remove(pod)
                state.changes += 1
            case .heard:
                state.contact.lastHeard = now
                let wasTroubled = state.contact.problem != nil
                state.contact.problem = nil
                if wasTroubled { return "the API server answers again" }
            case .failing(let error, _):
                let isNew = state.contact.problem == nil
                state.contact.problem = "\(error)"
                if isNew {
                    return "the API server's pods cannot be followed; images in use stay leased for their grace"
                }
            }
            guard state.table.droppedCount > 0, !state.reportedDrop else { return nil }
            state.reportedDrop = true
            return "the cluster has more pods or images than are followed; those beyond are not leased"
        }
        guard let note else { return }
        logger.warning("\(note)", metadata: contact.problem.map { ["reason": "\($0)"] } ?? [:])
    }

    private func take(_ event: FollowEvent<NodePlatform>) {
        state.withLock { state in
            switch event {
            case .listing: state.table.beginListingNodes()
            case .page(let nodes): for node in nodes { state.table.put(node) }
            case .listed: state.table.endListingNodes()
            case .changed(let node): state.table.put(node)
            case .removed(let node): state.table.remove(node)
            case .heard, .failing: break
            }
        }
    }
}
