/// A dictionary of bounded cost that drops what was used longest ago.
struct RecencyCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Node {
        var key: Key
        var value: Value
        var cost: Int
        /// Towards what was used more recently, and less; -1 at the ends.
        var newer: Int
        var older: Int
    }

    let costLimit: Int
    private(set) var cost = 0
    private var indices: [Key: Int] = [:]
    private var nodes: [Node?] = []
    private var free: [Int] = []
    private var newest = -1
    private var oldest = -1

    init(costLimit: Int) { self.costLimit = costLimit }

    var count: Int { indices.count }

    /// The value for `key`, which becomes the most recently used.
    mutating func value(for key: Key) -> Value? {
        guard let index = indices[key] else { return nil }
        moveToFront(index)
        return nodes[index]?.value
    }

    /// The value for `key`, whose recency does not change.
    func peek(_ key: Key) -> Value? { indices[key].flatMap { nodes[$0]?.value } }

    /// Puts `value` in; what costs more than the limit alone is not kept.
    mutating func insert(_ value: Value, for key: Key, cost: Int = 1) {
        _ = insertReportingDropped(value, for: key, cost: cost)
    }

    /// Puts `value` in like ``insert(_:for:cost:)``, and returns the keys of what had to go for it.
    mutating func insertReportingDropped(_ value: Value, for key: Key, cost: Int = 1) -> [Key] {
        removeValue(for: key)
        guard cost <= costLimit else { return [] }
        var dropped: [Key] = []
        while self.cost + cost > costLimit, oldest >= 0, let last = nodes[oldest] {
            removeValue(for: last.key)
            dropped.append(last.key)
        }
        let node = Node(key: key, value: value, cost: cost, newer: -1, older: newest)
        let index: Int
        if let reused = free.popLast() {
            index = reused
            nodes[index] = node
        } else {
            index = nodes.count
            nodes.append(node)
        }
        if newest >= 0 { nodes[newest]?.newer = index }
        newest = index
        if oldest < 0 { oldest = index }
        indices[key] = index
        self.cost += cost
        return dropped
    }

    mutating func removeValue(for key: Key) {
        guard let index = indices.removeValue(forKey: key), let node = nodes[index] else { return }
        unlink(node)
        nodes[index] = nil
        free.append(index)
        cost -= node.cost
    }

    mutating func removeAll() { self = RecencyCache(costLimit: costLimit) }

    private mutating func moveToFront(_ index: Int) {
        guard index != newest, let node = nodes[index] else { return }
        unlink(node)
        nodes[index]?.newer = -1
        nodes[index]?.older = newest
        if newest >= 0 { nodes[newest]?.newer = index }
        newest = index
        if oldest < 0 { oldest = index }
    }

    private mutating func unlink(_ node: Node) {
        if node.newer >= 0 { nodes[node.newer]?.older = node.older } else { newest = node.older }
        if node.older >= 0 { nodes[node.older]?.newer = node.newer } else { oldest = node.newer }
    }
}
