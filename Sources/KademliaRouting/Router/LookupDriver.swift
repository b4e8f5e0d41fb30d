internal import LibP2P

/// Asks the peers that a ``Lookup`` names, until it has come to its end.
struct LookupDriver: Sendable {
    /// What one peer answered.
    struct Answer: Sendable {
        let record: PeerRecord
        /// Nil where there was none.
        let message: KademliaMessage?
        let time: Duration
    }

    let network: any KademliaNetwork
    let requestTimeout: Duration
    let clock: any RoutingClock
    /// Told of every peer that was asked, and how long it took to answer; nil where it did not.
    let noteOutcome: @Sendable (PeerRecord, Duration?) -> Void

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
                    group.addTask { await ask(record, request) }
                }
                guard let answer = try await group.next() else { break }
                guard let message = answer.message else {
                    if Task.isCancelled { throw CancellationError() }
                    lookup.failed(answer.record.peer)
                    noteOutcome(answer.record, nil)
                    continue
                }
                noteOutcome(answer.record, answer.time)
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

    func ask(_ record: PeerRecord, _ request: KademliaMessage) async -> Answer {
        let start = clock.now()
        let message = try? await withTimeLimit(requestTimeout) { try await network.request(request, to: record) }
        return Answer(record: record, message: message, time: clock.now() - start)
    }
}
