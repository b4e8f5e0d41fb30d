internal import LibP2P
internal import Logging
internal import Synchronization

/// What the router does unasked.
extension KademliaRouter {
    // MARK: Joining

    /// Asks the bootstrap while nobody is known, ever more slowly, sooner than else where peers were lost, and now and
    /// then.
    func keepBootstrapped(_ sources: [any BootstrapSource]) async {
        guard !sources.isEmpty else {
            logger.warning("no bootstrap is configured: only nodes that name this one will be peers")
            configuration.bootstrapTrouble("none is configured; only nodes that name this one will be peers")
            return
        }
        var pace = BootstrapPace(configuration)
        var news = BootstrapNews()
        while !Task.isCancelled {
            let reasons = await join(sources)
            guard !Task.isCancelled else { return }
            tell(&news, reasons)
            pace.asked(situation, chance: state.withLock { $0.chance.spread() }, now: clock.now())
            while !Task.isCancelled {
                let left = pace.due(situation) - clock.now()
                guard left > .zero else { break }
                await wait(left, or: bootstrapSignal)
                tell(&news, nil)
            }
        }
    }

    private func tell(_ news: inout BootstrapNews, _ reasons: [String]?) {
        let message = news.note(reasons, isAlone: situation == .alone)
        configuration.bootstrapTrouble(news.trouble)
        switch message {
        case .trouble(let reason):
            logger.warning("no peers are known, and the bootstrap finds none", metadata: ["reason": "\(reason)"])
        case .recovered: logger.info("peers are known now")
        case nil: break
        }
    }

    private var situation: BootstrapPace.Situation {
        state.withLock { state in
            if state.table.count == 0 { return .alone }
            return state.table.count <= configuration.sparseCount && state.lost.count > 0 ? .hurt : .well
        }
    }

    /// - Returns: what went wrong.
    private func join(_ sources: [any BootstrapSource]) async -> [String] {
        var reasons: [String] = []
        for source in sources {
            do {
                reasons += try await withTimeLimit(configuration.bootstrapTimeout) { try await self.join(source) }
            } catch {
                if Task.isCancelled { return [] }
                // Most errors name what they are about.
                let text = "\(error)"
                reasons.append(text.contains(source.name) ? text : "\(source.name): \(text)")
            }
        }
        return reasons
    }

    private func join(_ source: any BootstrapSource) async throws -> [String] {
        let own = Set(network.ownAddresses)
        let addresses = try await source.addresses()
        guard !addresses.isEmpty else { return ["\(source.name) names nobody"] }
        return await withTaskGroup(of: String?.self) { group in
            var targets: Set<Multiaddr> = []
            for address in addresses where targets.count < Self.bootstrapPeerMax {
                // Names are the business of whoever lists them.
                guard address.isIP, let target = address.withoutPeer, !own.contains(target),
                    address.peerID != self.network.own, targets.insert(target).inserted
                else { continue }
                group.addTask { await self.join(at: address) }
            }
            return await group.reduce(into: []) { if let reason = $1 { $0.append(reason) } }
        }
    }

    /// - Returns: what went wrong.
    private func join(at address: Multiaddr) async -> String? {
        do {
            let peer = try await network.connect(toAnyoneAt: [address])
            await admit(PeerRecord(peer: peer, addresses: address.withoutPeer.map { [$0] } ?? []))
            let isKnown = state.withLock { $0.table.count } > 0
            return isKnown ? nil : "\(address): it answers, and does not take part in the routing"
        } catch ConnectionError.ownAddress {
            return nil
        } catch {
            return "\(address): \(error)"
        }
    }

    // MARK: The table

    func keepRefreshed() async {
        var pace = RefreshPace(first: configuration.earlyRefreshInterval)
        var regular = configuration.sparseRefreshInterval
        while !Task.isCancelled {
            let isBeginning = state.withLock { $0.takeBeginning() }
            if isBeginning { pace.note(known: 0) }
            await refresh(isEarly: pace.isEarly(before: regular) && !isBeginning)
            let known = state.withLock { $0.table.count }
            let isSparse = known <= configuration.sparseCount
            regular = isSparse ? configuration.sparseRefreshInterval : configuration.refreshInterval
            // Of many peers the lookups of others tell as well.
            if isSparse { pace.note(known: known) }
            await wait(pace.next(atMost: regular), or: refreshSignal)
        }
    }

    /// Asks peers that did not answer whether they are back, and looks around where some are.
    func keepHealing() async {
        var refreshedAt: Duration?
        while !Task.isCancelled {
            let due = state.withLock { $0.lost.due(now: clock.now(), limit: configuration.admissionConcurrency) }
            guard !due.isEmpty else {
                let next = state.withLock { $0.lost.nextDue }
                let pause = next.map { max($0 - clock.now(), Self.sweepPause) }
                await wait(pause ?? configuration.refreshInterval, or: healingSignal)
                continue
            }
            let before = state.withLock { $0.table.count }
            await withDiscardingTaskGroup { group in
                for peer in due { group.addTask { await self.admit(peer) } }
            }
            let now = clock.now()
            guard state.withLock({ $0.table.count }) > before,
                refreshedAt.map({ now - $0 >= configuration.healingInterval }) ?? true
            else { continue }
            // Behind one that is back there may be half of a network.
            refreshedAt = now
            refreshSignal.send()
        }
    }

    /// Looks up ourselves, so that our neighbours know us and we them, then somebody in every other direction; asks
    /// whoever was silent for long.
    /// - Parameter isEarly: only ourselves are looked up.
    func refresh(isEarly: Bool = false) async {
        let sparse = state.withLock { $0.table.count } <= configuration.sparseCount
        if sparse {
            for peer in network.connectedPeers() { peerAppeared(peer) }
        }
        let now = clock.now()
        let asked = state.withLock { state in
            state.table.silent(for: configuration.silenceLimit, now: now)
        }
        await withTaskGroup(of: Void.self) { group in
            for (index, peer) in asked.enumerated() {
                if index >= configuration.admissionConcurrency { await group.next() }
                group.addTask { await self.admit(peer) }
            }
        }
        guard state.withLock({ $0.table.count }) > 0 else {
            setOnline(false)
            return
        }
        let lookup = await find(network.own.bytes)
        guard !Task.isCancelled else { return }
        setOnline(lookup?.result.isEmpty == false)
        guard !isEarly else { return }
        let longest = state.withLock { $0.table.longestPrefix }
        for length in 0..<min(longest, configuration.refreshPrefixMax) {
            guard !Task.isCancelled else { return }
            let key = refreshKey(sharing: length)
            _ = await find(key)
        }
    }

    private func refreshKey(sharing length: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return RefreshKey.make(sharing: length, with: KeyspacePoint(network.own), using: &generator)
    }

    /// The peers nearest to a key; nil where that took too long.
    func find(_ key: [UInt8]) async -> Lookup? {
        let lookup = state.withLock { $0.lookup(KeyspacePoint(hashing: key), limits: configuration.lookup) }
        return try? await withTimeLimit(configuration.lookupTimeout) {
            try await self.driver.perform(lookup, request: KademliaMessage(.findNode, key: key))
        }
    }

    // MARK: Our own keys

    func keepProviding() async {
        while !Task.isCancelled {
            if state.withLock({ $0.table.count }) > 0 { await provideDue() }
            let now = clock.now()
            let due = state.withLock { $0.sweep.nextDue }
            let wait = due.map { max($0 - now, Self.sweepPause) } ?? configuration.sweep.interval
            await self.wait(
                state.withLock { $0.table.count } > 0 ? wait : configuration.sweep.interval, or: sweepSignal)
        }
    }

    private func provideDue() async {
        while !Task.isCancelled, let target = state.withLock({ $0.sweep.nextTarget(now: clock.now()) }) {
            guard let lookup = await find(target.multihash) else {
                state.withLock { $0.sweep.retry([target], now: clock.now()) }
                return
            }
            let assignments = state.withLock { state in
                state.sweep.assign(
                    around: target, nearest: lookup.result, known: lookup.heard, now: clock.now())
            }
            guard !assignments.isEmpty else { return }
            await tell(assignments)
        }
    }

    private func tell(_ assignments: [ProvideSweep.Assignment]) async {
        let own = PeerRecord(peer: network.own, addresses: network.ownAddresses)
        guard !own.addresses.isEmpty else {
            state.withLock { $0.sweep.retry(assignments.flatMap(\.keys), now: clock.now()) }
            return
        }
        let told = await withTaskGroup(of: Set<ContentKey>.self) { group in
            var running = 0
            var told: Set<ContentKey> = []
            for assignment in assignments {
                if running >= configuration.lookup.concurrency {
                    told.formUnion(await group.next() ?? [])
                    running -= 1
                }
                running += 1
                group.addTask {
                    let messages = assignment.keys.map {
                        KademliaMessage(.addProvider, key: $0.multihash, providerPeers: [own])
                    }
                    do {
                        try await withTimeLimit(self.configuration.requestTimeout) {
                            try await self.network.send(messages, to: assignment.peer)
                        }
                        self.metrics.countTold(messages.count)
                        return Set(assignment.keys)
                    } catch {
                        return []
                    }
                }
            }
            for await keys in group { told.formUnion(keys) }
            return told
        }
        state.withLock { $0.sweep.told(told) }
        let untold = Set(assignments.flatMap(\.keys)).subtracting(told)
        guard !untold.isEmpty, !Task.isCancelled else { return }
        state.withLock { $0.sweep.retry(untold, now: clock.now()) }
    }

    func keepForgetting() async {
        while !Task.isCancelled {
            try? await clock.sleep(for: configuration.expiryInterval)
            state.withLock { $0.providers.expire(now: clock.now()) }
        }
    }

    /// Waits for a time to pass or for a signal, whichever comes first.
    private func wait(_ time: Duration, or signal: Signal) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await self.clock.sleep(for: time) }
            group.addTask { await signal.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    private static let bootstrapPeerMax = 64
    /// Between two rounds of the sweep.
    private static let sweepPause = Duration.milliseconds(100)
}
