/// Who receives next under a limit of bytes each second.
///
/// Flows have their turn one after the other and get one slice each, so that a blob on eight connections gets no more
/// than one on a single connection, and a small one is not kept waiting by large ones.
struct BandwidthShare<Flow: Hashable & Sendable, Waiter: Sendable>: Sendable {
    private struct Demand: Sendable {
        let id: UInt64
        let bytes: Int
        let waiter: Waiter
    }

    private var bucket: TokenBucket
    private var demands: [Flow: [Demand]] = [:]
    /// Flows that demand something, in the order of their turns.
    private var turns: [Flow] = []

    init(bucket: TokenBucket) { self.bucket = bucket }

    /// Puts `waiter` at the end of its flow.
    mutating func enter(_ waiter: Waiter, id: UInt64, bytes: Int, flow: Flow) {
        if demands[flow] == nil { turns.append(flow) }
        demands[flow, default: []].append(Demand(id: id, bytes: bytes, waiter: waiter))
    }

    /// Takes a waiter out that has not had its turn; nil where it is not there.
    mutating func leave(id: UInt64, flow: Flow) -> Waiter? {
        guard var waiting = demands[flow], let index = waiting.firstIndex(where: { $0.id == id }) else { return nil }
        let waiter = waiting.remove(at: index).waiter
        demands[flow] = waiting.isEmpty ? nil : waiting
        if waiting.isEmpty { turns.removeAll { $0 == flow } }
        return waiter
    }

    /// Those whose turn has come, in order; and when to ask again, nil where nobody is left.
    mutating func admit(now: Duration) -> (admitted: [Waiter], next: Duration?) {
        var admitted: [Waiter] = []
        while let flow = turns.first, var waiting = demands[flow], let first = waiting.first {
            let delay = bucket.delay(for: Double(first.bytes), now: now)
            guard delay == .zero else { return (admitted, delay) }
            bucket.take(Double(first.bytes), now: now)
            admitted.append(first.waiter)
            waiting.removeFirst()
            turns.removeFirst()
            demands[flow] = waiting.isEmpty ? nil : waiting
            if !waiting.isEmpty { turns.append(flow) }
        }
        return (admitted, nil)
    }
}
