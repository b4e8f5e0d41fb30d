internal import KademliaRouting
internal import LibP2P

/// What nodes do unasked, as the router does it.
extension PeerSimulation {
    func refresh(_ number: Int, isRepeating: Bool = true) {
        let node = nodes[number]
        guard node.isAlive else { return }
        let routing = configuration.routing
        let isSparse = node.state.table.count <= routing.sparseCount
        let regular = isSparse ? routing.sparseRefreshInterval : routing.refreshInterval
        let isBeginning = node.state.takeBeginning()
        if isBeginning { node.pace.note(known: 0) }
        let isEarly = node.pace.isEarly(before: regular) && !isBeginning
        if isSparse { for other in node.connected { appeared(other, to: number) } }
        let asked =
            node.state.table.silent(for: routing.silenceLimit, now: now)
            + (isEarly ? [] : node.state.lost.due(now: now, limit: .max))
        for record in asked { admit(record, to: number) }
        let directions = isEarly ? 0 : min(node.state.table.longestPrefix, routing.refreshPrefixMax)
        lookUp(node.record.peer.bytes, by: number) { _ in
            self.refresh(number, direction: 0, of: directions)
            guard isRepeating else { return }
            let known = node.state.table.count
            let isSparse = known <= routing.sparseCount
            if isSparse { node.pace.note(known: known) }
            let wait = node.pace.next(atMost: isSparse ? routing.sparseRefreshInterval : routing.refreshInterval)
            self.plan(after: wait) { self.refresh(number) }
        }
    }

    private func refresh(_ number: Int, direction: Int, of count: Int) {
        guard direction < count, nodes[number].isAlive else { return }
        let key = refreshKeys.key(sharing: direction, with: nodes[number].record.point, using: &generator)
        lookUp(key, by: number) { _ in self.refresh(number, direction: direction + 1, of: count) }
    }

    func provide(_ number: Int) {
        let node = nodes[number]
        guard node.isAlive else { return }
        guard node.state.table.count > 0, let target = node.state.sweep.nextTarget(now: now) else {
            let due = (node.state.sweep.nextDue ?? now + .seconds(60)) - now
            // The router is woken where keys become due before their time.
            plan(after: min(max(due, .seconds(1)), .seconds(15))) { self.provide(number) }
            return
        }
        lookUp(target.multihash, by: number) { lookup in
            let assignments = node.state.sweep.assign(
                around: target, nearest: lookup.result, known: lookup.heard, now: self.now)
            self.statistics.sweepLookups += 1
            let own = node.record
            for assignment in assignments {
                for key in assignment.keys {
                    let message = KademliaMessage(.addProvider, key: key.multihash, providerPeers: [own])
                    self.send(message, from: number, to: assignment.peer) { _ in }
                }
                node.state.sweep.told(assignment.keys)
            }
            self.plan(after: .milliseconds(100)) { self.provide(number) }
        }
    }

    // MARK: Look-ups

    private func lookUp(_ key: [UInt8], by number: Int, _ completion: @escaping (Lookup) -> Void) {
        perform(
            nodes[number].state.lookup(KeyspacePoint(hashing: key)), by: number, KademliaMessage(.findNode, key: key),
            { _ in false }, completion)
    }

    /// - Parameter inspect: sees every answer; true ends the look-up.
    func perform(
        _ lookup: Lookup, by number: Int, _ request: KademliaMessage, _ inspect: @escaping (KademliaMessage) -> Bool,
        _ completion: @escaping (Lookup) -> Void
    ) {
        let running = RunningLookup(lookup)
        step(running, by: number, request, inspect, completion)
        // A look-up that has nobody to ask.
        if !running.isOver, running.lookup.isFinished {
            running.isOver = true
            plan(after: .zero) { completion(running.lookup) }
        }
    }

    private func step(
        _ running: RunningLookup, by number: Int, _ request: KademliaMessage,
        _ inspect: @escaping (KademliaMessage) -> Bool, _ completion: @escaping (Lookup) -> Void
    ) {
        let start = now
        for record in running.lookup.next() {
            send(request, from: number, to: record) { answer in
                guard !running.isOver else { return }
                self.note(record, by: number, answeredAfter: answer == nil ? nil : self.now - start)
                if let answer {
                    running.lookup.answered(record.peer, closer: answer.closerPeers)
                    if inspect(answer) { running.lookup.stop() }
                } else {
                    running.lookup.failed(record.peer)
                }
                // Whoever is still to answer an ended look-up is not waited for.
                if running.lookup.isStopped || running.lookup.isFinished {
                    running.isOver = true
                    completion(running.lookup)
                } else {
                    self.step(running, by: number, request, inspect, completion)
                }
            }
        }
    }
}

private final class RunningLookup {
    var lookup: Lookup
    var isOver = false

    init(_ lookup: Lookup) { self.lookup = lookup }
}
