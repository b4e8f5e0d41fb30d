internal import LibP2P

/// Asks the peers that a ``Lookup`` names, until it has come to its end.
struct LookupDriver: Sendable {
    /// What one peer answered.
    struct Answer: Sendable {
        let record: PeerRecord
        /// Nil where there was none.
        let message: KademliaMessage?
        let time: Duration
        /// Whether it was not waited for any longer: that says little of the peer.
        var isLate = false
    }

    let network: any KademliaNetwork
    let requestTimeout: Duration
    /// How long a look-up waits for one peer.
    let patience: Duration
    let clock: any RoutingClock
    /// Told of every peer that a look-up asked.
    let noteOutcome: @Sendable (Answer) -> Void

    /// Performs `lookup` with `request`.
    /// - Parameter inspect: sees every answer before the next peers are chosen; true ends the look-up.
    /// - Returns: the look-up as it ended.
    /// - Throws: `CancellationError`.
    func perform(
        _ lookup: Lookup, request: KademliaMessage, inspect: (KademliaMessage) -> Bool = { _ in false }
    ) async throws -> Lookup {
        var lookup = lookup
        try await withThrowingTaskGroup(of: Answer.self) { group in
            while true {
                for record in lookup.next() {
                    group.addTask { await ask(record, request, within: patience) }
                }
                guard let answer = try await group.next() else { break }
                guard let message = answer.message else {
                    if Task.isCancelled { throw CancellationError() }
                    lookup.failed(answer.record.peer)
                    noteOutcome(answer)
                    continue
                }
                noteOutcome(answer)
                lookup.answered(answer.record.peer, closer: message.closerPeers)
                if inspect(message) {
                    lookup.stop()
                    break
                }
            }
            group.cancelAll()
        }
        try Task.checkCancellation()
        return lookup
    }

    /// - Parameter limit: how long to wait; nil for all the time that a request has.
    func ask(_ record: PeerRecord, _ request: KademliaMessage, within limit: Duration? = nil) async -> Answer {
        let start = clock.now()
        do {
            let message = try await withTimeLimit(min(limit ?? requestTimeout, requestTimeout)) {
                try await network.request(request, to: record)
            }
            return Answer(record: record, message: message, time: clock.now() - start)
        } catch {
            let isLate = limit != nil && error as? StreamError == .timedOut
            return Answer(record: record, message: nil, time: clock.now() - start, isLate: isLate)
        }
    }
}
