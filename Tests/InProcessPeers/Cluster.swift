package import KademliaRouting
internal import LibP2P
internal import Logging
package import PeerRouting
internal import Synchronization

/// Routers of one process, each with its own tables, under one clock.
package struct Cluster: Sendable {
    package let swarm = Swarm()
    package let clock = ManualRoutingClock()
    package let routers: [KademliaRouter]

    package init(_ count: Int) throws {
        var routers: [KademliaRouter] = []
        for number in 0..<count {
            // Everybody knows the first alone.
            let bootstrap = StaticBootstrap(try Samples.record(0).addresses)
            routers.append(
                KademliaRouter(
                    network: try swarm.join(number), bootstrap: [bootstrap], clock: clock,
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        }
        self.routers = routers
    }

    package func run(_ body: @escaping @Sendable (Cluster) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for router in routers { group.addTask { await router.run() } }
            defer { group.cancelAll() }
            try await body(self)
        }
    }

    /// Moves the clock on in steps until `condition` holds.
    package func until(
        _ what: String, step: Duration = .milliseconds(500), _ condition: () async throws -> Bool
    ) async throws {
        for _ in 0..<2000 {
            if try await condition() { return }
            clock.advance(by: step)
            for _ in 0..<50 { await Task.yield() }
            try await Task.sleep(for: .milliseconds(1))
        }
        throw NeverCame(what: what)
    }

    package func find(_ text: String, from router: KademliaRouter, limit: Int = 3) async throws -> Set<String> {
        let found = Mutex<Set<String>>([])
        try await router.lookUp(try Self.key(text), limit: limit) { peer in
            found.withLock { _ = $0.insert(peer.addresses.first ?? "") }
        }
        return found.withLock { $0 }
    }

    package static func key(_ text: String) throws -> RoutingKey {
        let reference = try ImageReferenceKey(text)
        return reference.key
    }
}

/// What a cluster was waited for in vain.
package struct NeverCame: Error, CustomStringConvertible {
    let what: String

    package var description: String { "never came about: \(what)" }
}
