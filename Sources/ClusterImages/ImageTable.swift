package import OCI

/// Which images the pods of a cluster use: each once, with how many pods use it where. A value, and bounded.
package struct ImageTable: Sendable {
    package struct Limits: Sendable, Hashable {
        package var pods: Int
        /// Different pairs of an image and what the runtime calls it.
        package var images: Int
        package var nodes: Int
        /// Containers of one pod that are looked at.
        package var usesPerPod: Int

        package init(pods: Int = 200_000, images: Int = 50_000, nodes: Int = 20_000, usesPerPod: Int = 256) {
            self.pods = pods
            self.images = images
            self.nodes = nodes
            self.usesPerPod = usesPerPod
        }
    }

    /// One image in use.
    package struct Entry: Sendable, Hashable {
        package var use: PodImages.Use
        package var podCount: Int
        /// A few of the namespaces, in order.
        package var namespaces: [String]
        /// Of the nodes that run it, as far as they are known.
        package var platforms: [Platform]
    }

    /// Namespaces named for an image.
    private static let namespaceLimit = 8

    private struct PodKey: Sendable, Hashable {
        var namespace: String
        var name: String
    }

    private struct Pod: Sendable {
        var images: [Int]
        var node: String?
        var addresses: [String]
        var generation: Int
    }

    private struct Image: Sendable {
        var use: PodImages.Use
        var count = 0
    }

    private let limits: Limits
    private var pods: [PodKey: Pod] = [:]
    /// The pods of each node's address.
    private var podsAt: [String: Set<PodKey>] = [:]
    private var images: [Int: Image] = [:]
    private var numbers: [PodImages.Use: Int] = [:]
    private var lastNumber = 0
    private var platforms: [String: Platform] = [:]
    private var listedNodes: Set<String>?
    private var generation = 0
    /// Pods and images that were left out for the bounds since the last whole list.
    package private(set) var droppedCount = 0

    package init(limits: Limits = Limits()) { self.limits = limits }

    package var podCount: Int { pods.count }
    package var imageCount: Int { images.count }

    // MARK: Pods

    /// A new list of all pods begins.
    package mutating func beginListing() {
        generation += 1
        droppedCount = 0
    }

    /// The list is whole: pods that it did not name are gone.
    package mutating func endListing() {
        for (key, pod) in pods where pod.generation != generation { forget(key) }
    }

    package mutating func put(_ pod: PodImages) {
        let key = PodKey(namespace: pod.namespace, name: pod.name)
        guard pod.isUsingImages else { return forget(key) }
        let old = pods[key]
        guard old != nil || pods.count < limits.pods else {
            droppedCount += 1
            return
        }
        // The new ones first, so that an image in both is not forgotten in between.
        var added: [Int] = []
        for use in Set(pod.uses.prefix(limits.usesPerPod).map(Self.bounded)) {
            guard let number = number(of: use) else {
                droppedCount += 1
                continue
            }
            images[number]?.count += 1
            added.append(number)
        }
        release(old?.images ?? [])
        let addresses = pod.hostAddresses
        if old?.addresses != addresses {
            leave(old?.addresses ?? [], key)
            for address in addresses { podsAt[address, default: []].insert(key) }
        }
        pods[key] = Pod(images: added, node: pod.node, addresses: addresses, generation: generation)
    }

    package mutating func remove(_ pod: PodImages) {
        forget(PodKey(namespace: pod.namespace, name: pod.name))
    }

    private mutating func forget(_ key: PodKey) {
        guard let pod = pods.removeValue(forKey: key) else { return }
        release(pod.images)
        leave(pod.addresses, key)
    }

    private mutating func leave(_ addresses: [String], _ key: PodKey) {
        for address in addresses {
            podsAt[address]?.remove(key)
            if podsAt[address]?.isEmpty == true { podsAt[address] = nil }
        }
    }

    private mutating func release(_ released: [Int]) {
        for number in released {
            images[number]?.count -= 1
            guard let image = images[number], image.count == 0 else { continue }
            images[number] = nil
            numbers[image.use] = nil
        }
    }

    private mutating func number(of use: PodImages.Use) -> Int? {
        if let number = numbers[use] { return number }
        guard images.count < limits.images else { return nil }
        lastNumber += 1
        numbers[use] = lastNumber
        images[lastNumber] = Image(use: use)
        return lastNumber
    }

    /// No reference is longer than 1024 bytes; what is longer is no reference, and need not be kept whole.
    private static func bounded(_ use: PodImages.Use) -> PodImages.Use {
        PodImages.Use(image: bounded(use.image), imageID: bounded(use.imageID))
    }

    private static func bounded(_ text: String) -> String {
        text.utf8.count <= 1200 ? text : String(text.prefix(300)) + "…"
    }

    // MARK: Nodes

    package mutating func beginListingNodes() { listedNodes = [] }

    package mutating func endListingNodes() {
        if let listedNodes { platforms = platforms.filter { listedNodes.contains($0.key) } }
        listedNodes = nil
    }

    package mutating func put(_ node: NodePlatform) {
        guard platforms[node.name] != nil || platforms.count < limits.nodes else { return }
        platforms[node.name] = Platform(checking: node.os, architecture: node.architecture, variant: nil)
        listedNodes?.insert(node.name)
    }

    package mutating func remove(_ node: NodePlatform) { platforms[node.name] = nil }

    // MARK: Reading

    /// Every image and what the runtime calls it, each once.
    package var uses: [PodImages.Use] { images.values.map(\.use) }

    /// What the pods on the node at `address` use, with their namespaces; in no order.
    package func uses(at address: String) -> [(namespace: String, use: PodImages.Use)] {
        (podsAt[address] ?? []).flatMap { key in
            (pods[key]?.images ?? []).compactMap { number in images[number].map { (key.namespace, $0.use) } }
        }
    }

    /// Every image in use, in order of its name.
    package func entries() -> [Entry] {
        var namespaces: [Int: Set<String>] = [:]
        var found: [Int: Set<Platform>] = [:]
        for (key, pod) in pods {
            let platform = pod.node.flatMap { platforms[$0] }
            for number in pod.images {
                if namespaces[number, default: []].count < Self.namespaceLimit {
                    namespaces[number, default: []].insert(key.namespace)
                }
                if let platform { found[number, default: []].insert(platform) }
            }
        }
        return images.map { number, image in
            Entry(
                use: image.use, podCount: image.count, namespaces: (namespaces[number] ?? []).sorted(),
                platforms: (found[number] ?? []).sorted { $0.description < $1.description })
        }.sorted { ($0.use.image, $0.use.imageID) < ($1.use.image, $1.use.imageID) }
    }
}
