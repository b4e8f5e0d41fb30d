/// Finds the answers to requests: what a server is for, apart from connections and bytes.
protocol RequestDispatching: Sendable {
    /// To be called on an event loop: it neither blocks nor waits.
    /// - Returns: what the request is counted as, and its answer.
    func dispatch(_ request: Request) -> (kind: RequestKind, outcome: DispatchOutcome)
}

enum DispatchOutcome {
    /// There at once, from memory.
    case now(Answer)
    /// To be waited for, away from the event loop.
    case later(@Sendable () async -> Answer)
}
