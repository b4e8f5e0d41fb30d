internal import CoreMetrics
internal import Logging
internal import MetadataStore
internal import OCI
internal import Rules
internal import Synchronization
internal import Timekeeping
internal import Upstream

/// Books every manifest GET of an upstream on whoever caused it, and writes the books down in batches.
///
/// A GET that many wait for is booked on the one that caused it. Hits never come here.
final class SpendLedger: Sendable {
    private struct State {
        var table = SpendTable()
        var isForgettingDue = true
        var metrics: [MetricKey: Counter] = [:]
        var lostCount = 0
    }

    /// Bounded: rules are those of the configuration.
    private struct MetricKey: Hashable {
        var rule: RuleName
        var cause: String
        var outcome: String
    }

    private let namespaces: PullNamespaces
    private let metadata: any MetadataStore
    private let retention: Duration
    private let clock: any WallClock
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - namespaces: asked for each GET that is booked on a client.
    ///   - retention: how long an hour's books are kept.
    init(
        namespaces: @escaping PullNamespaces, metadata: any MetadataStore, retention: Duration, clock: any WallClock,
        logger: Logger
    ) {
        self.namespaces = namespaces
        self.metadata = metadata
        self.retention = retention
        self.clock = clock
        self.logger = logger
    }

    /// Books a GET that came to its end.
    /// - Parameter error: how it failed; nil where there was a manifest. Only what an upstream counts is a pull, and a
    ///   request that got no answer is none.
    func book(_ spender: Spender, _ repository: RepositoryKey, reference: String, error: UpstreamError?) {
        let isPull: Bool
        switch error {
        case nil, .notFound, .tooLarge, .truncated, .malformedAnswer: isPull = true
        case .rateLimited(.pull, _), .budgetSpent: isPull = false
        default: return
        }
        let now = clock.now()
        let spender = known(spender, repository, reference)
        state.withLock { state in
            let isNewHour = state.table.add(
                spender, repository, reference: reference, pulls: isPull ? 1 : 0, refused: isPull ? 0 : 1, at: now)
            if isNewHour { state.isForgettingDue = true }
            let key = MetricKey(
                rule: repository.rule, cause: spender.cause, outcome: isPull ? "counted" : "refused")
            let counter =
                state.metrics[key]
                ?? Counter(
                    label: "weir_upstream_pulls_total",
                    dimensions: [("rule", key.rule.description), ("cause", key.cause), ("outcome", key.outcome)])
            state.metrics[key] = counter
            counter.increment()
        }
    }

    private func known(_ spender: Spender, _ repository: RepositoryKey, _ reference: String) -> Spender {
        guard case .client(let address, let user, nil) = spender else { return spender }
        return .client(address: address, user: user, namespace: namespaces(address, repository, reference))
    }

    /// The oldest hour whose books are kept.
    var firstHour: Timestamp { (clock.now() - retention).hour }

    /// Writes down what was booked. What cannot be written is kept, within bounds, for the next time.
    func flush() async {
        let (records, isForgettingDue) = state.withLock { state in
            defer { state.isForgettingDue = false }
            return (state.table.take(), state.isForgettingDue)
        }
        do throws(MetadataStoreError) {
            if !records.isEmpty { try await metadata.record(spend: records) }
        } catch {
            let lost = state.withLock { state in
                state.table.putBack(records)
                state.isForgettingDue = state.isForgettingDue || isForgettingDue
                defer { state.lostCount = state.table.lostCount }
                return state.table.lostCount - state.lostCount
            }
            logger.warning(
                "who spent which pulls could not be written down",
                metadata: ["reason": "\(error)", "lost": "\(lost)"])
            return
        }
        guard isForgettingDue else { return }
        do throws(MetadataStoreError) {
            try await metadata.removeSpend(before: firstHour)
        } catch {
            logger.warning("old books of spent pulls could not be removed", metadata: ["reason": "\(error)"])
        }
    }

    /// Writes at every `interval` until cancelled.
    func run(every interval: Duration) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: interval)
            await flush()
        }
    }
}

extension Spender {
    /// A metric label's value.
    fileprivate var cause: String {
        switch self {
        case .client, .others: "client"
        case .weir(let work): work.rawValue
        }
    }
}
