internal import KademliaRouting
internal import LibP2P

/// What is measured: nodes look for what others have.
extension PeerSimulation {
    /// Has `count` nodes look for a key of another node that has told its keys, spread over `time`.
    /// - Returns: what came of it, once the clock has passed that time and a minute.
    package func find(count: Int, over time: Duration) -> FindingResult {
        let result = FindingResult()
        for _ in 0..<count { plan(after: random(upTo: time)) { self.find(into: result) } }
        return result
    }

    private func find(into result: FindingResult) {
        guard let seeker = alive.randomElement(using: &generator) else { return }
        // One that was there long enough to have told what it has.
        guard let owner = alive.randomElement(using: &generator), owner != seeker,
            nodes[owner].state.sweep.untoldCount == 0,
            let key = nodes[owner].keys.randomElement(using: &generator), nodes[seeker].state.table.count > 0
        else {
            result.skipped += 1
            return
        }
        let start = now
        let wanted = nodes[owner].record.peer
        if nodes[seeker].state.providers.providers(at: key.point, now: now).contains(where: { $0.peer == wanted }) {
            result.add(isFound: true, hops: 0, requests: 0, time: .zero)
            return
        }
        var foundAt: Duration?
        perform(
            nodes[seeker].state.lookup(key.point), by: seeker, KademliaMessage(.getProviders, key: key.multihash),
            { answer in
                guard answer.providerPeers.contains(where: { $0.peer == wanted }) else { return false }
                foundAt = self.now
                return true
            },
            { lookup in
                result.add(
                    isFound: foundAt != nil, hops: lookup.hops, requests: lookup.requestCount,
                    time: (foundAt ?? self.now) - start)
            })
    }

    /// Begins to count messages anew.
    package func resetStatistics() {
        statistics = SimulationStatistics()
        statistics.since = now
        for node in nodes { node.receivedCount = 0 }
    }

    /// What was counted since the last reset.
    package var report: SimulationReport {
        let nodes = alive.map { self.nodes[$0] }
        return SimulationReport(
            nodeCount: nodes.count, minutes: (now - statistics.since) / .seconds(60), statistics: statistics,
            received: Distribution(nodes.map { Double($0.receivedCount) }),
            records: Distribution(nodes.map { Double($0.state.providers.recordCount) }),
            tables: Distribution(nodes.map { Double($0.state.table.count) }),
            connections: Distribution(nodes.map { Double($0.connectionCount) }))
    }
}

/// What came of looking for keys.
package final class FindingResult {
    package private(set) var found = 0
    package private(set) var missed = 0
    /// Not begun, since nobody was there to look or to be found.
    package fileprivate(set) var skipped = 0
    private var hopCounts: [Double] = []
    private var requestCounts: [Double] = []
    private var seconds: [Double] = []

    package init() {}

    func add(isFound: Bool, hops: Int, requests: Int, time: Duration) {
        if isFound { found += 1 } else { missed += 1 }
        guard isFound else { return }
        hopCounts.append(Double(hops))
        requestCounts.append(Double(requests))
        seconds.append(time / .seconds(1))
    }

    package var hops: Distribution { Distribution(hopCounts) }
    package var requests: Distribution { Distribution(requestCounts) }
    package var time: Distribution { Distribution(seconds) }
    package var share: Double { found + missed == 0 ? 0 : Double(found) / Double(found + missed) }
}
