internal import PeerRouting
internal import Synchronization

/// The peers that a look-up finds, for everybody who asks for one key at about the same time.
final class PeerSearch: Sendable {
    private struct State {
        var found: [ContentPeer] = []
        var isOver = false
        var waiters: [UInt64: (index: Int, continuation: CheckedContinuation<ContentPeer?, Never>)] = [:]
        var lastWaiter: UInt64 = 0
    }

    let startedAt: ContinuousClock.Instant
    private let state = Mutex(State())

    init(startedAt: ContinuousClock.Instant) { self.startedAt = startedAt }

    func add(_ peer: ContentPeer) {
        let served = state.withLock { state -> [CheckedContinuation<ContentPeer?, Never>] in
            let index = state.found.count
            state.found.append(peer)
            let keys = state.waiters.filter { $0.value.index == index }.map(\.key)
            return keys.compactMap { state.waiters.removeValue(forKey: $0)?.continuation }
        }
        for continuation in served { continuation.resume(returning: peer) }
    }

    func finish() {
        let left = state.withLock { state in
            state.isOver = true
            defer { state.waiters = [:] }
            return state.waiters.values.map(\.continuation)
        }
        for continuation in left { continuation.resume(returning: nil) }
    }

    var isOver: Bool { state.withLock { $0.isOver } }

    /// Whether it ended without having found anybody.
    var isFruitless: Bool { state.withLock { $0.isOver && $0.found.isEmpty } }

    /// The peer that was found as the `index`th, waiting for it; nil where there will be none, or when the caller is
    /// cancelled.
    func peer(at index: Int) async -> ContentPeer? {
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: ContentPeer?? = state.withLock { state in
                    if index < state.found.count { return .some(state.found[index]) }
                    // A cancellation before this line finds nobody waiting.
                    if state.isOver || Task.isCancelled { return .some(nil) }
                    state.waiters[id] = (index, continuation)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume(returning: nil)
        }
    }
}

/// Look-ups under way, and those of the last seconds: a blob's peers are needed again when it has to be resumed, and
/// containerd asks for the same manifest several times.
final class PeerSearches: Sendable {
    private static let countMax = 1024

    private let routing: any PeerRouting
    private let limit: Int
    private let lifetime: Duration
    private let timeLimit: Duration
    private let searches = Mutex<[RoutingKey: PeerSearch]>([:])
    private let observe: @Sendable (Duration) -> Void

    /// - Parameter observe: told how long it took to find each peer.
    init(
        routing: any PeerRouting, limit: Int, lifetime: Duration, timeLimit: Duration = .seconds(10),
        observe: @escaping @Sendable (Duration) -> Void
    ) {
        self.routing = routing
        self.limit = limit
        self.lifetime = lifetime
        self.timeLimit = timeLimit
        self.observe = observe
    }

    /// The search for `key`: the one that is there, or a new one.
    func search(_ key: RoutingKey) -> PeerSearch {
        let now = ContinuousClock.now
        let (search, isNew) = searches.withLock { searches in
            // Having found nobody is not remembered: the next one to ask may be luckier.
            if let known = searches[key], now - known.startedAt < lifetime, !known.isFruitless { return (known, false) }
            if searches.count >= Self.countMax {
                searches = searches.filter { now - $0.value.startedAt < lifetime }
                if searches.count >= Self.countMax { searches = [:] }
            }
            let search = PeerSearch(startedAt: now)
            searches[key] = search
            return (search, true)
        }
        if isNew { begin(search, key) }
        return search
    }

    /// The next to ask for `key` looks it up anew.
    func forget(_ key: RoutingKey) { searches.withLock { $0[key] = nil } }

    /// Not structured, since the search belongs to all who ask and ends by itself.
    private func begin(_ search: PeerSearch, _ key: RoutingKey) {
        let (routing, limit, timeLimit, observe) = (routing, limit, timeLimit, observe)
        Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    try? await routing.lookUp(key, limit: limit) { peer in
                        observe(ContinuousClock.now - search.startedAt)
                        search.add(peer)
                    }
                }
                group.addTask { try? await Task.sleep(for: timeLimit) }
                await group.next()
                group.cancelAll()
            }
            search.finish()
        }
    }
}
