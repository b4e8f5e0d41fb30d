internal import HTTPSemantics
internal import Metrics
internal import NIOHTTP1
internal import Synchronization
internal import Upstream

/// One rule's limits of its own, and its second requests.
final class Pacing: Sendable {
    /// Nil: no limit.
    let bandwidth: BandwidthGovernor?
    private let schedule: Mutex<TokenBucket>?
    private let hedges: Mutex<HedgePolicy>?
    private let rule: String
    private let begin = ContinuousClock.now

    init(_ settings: PacingSettings, rule: String, hedging: HedgePolicy.Settings = HedgePolicy.Settings()) {
        self.rule = rule
        bandwidth = settings.bandwidth.map {
            BandwidthGovernor(bytesPerSecond: $0, waits: Self.waits(rule, "bandwidth"))
        }
        schedule = settings.requestsPerSecond.map { rate in
            Mutex(TokenBucket(perSecond: rate, burst: max(1, rate / 10), now: .zero))
        }
        hedges = settings.hedges ? Mutex(HedgePolicy(hedging)) : nil
    }

    private static func waits(_ rule: String, _ limit: String) -> Timer {
        Timer(label: "weir_upstream_pacing_seconds", dimensions: [("rule", rule), ("limit", limit)])
    }

    private var now: Duration { ContinuousClock.now - begin }

    // MARK: Requests

    /// Waits until one more request may be sent.
    /// - Throws: ``UpstreamError/rateLimited(_:retryAfter:)`` where that would take longer than `limit`, at once.
    func waitForRequest(limit: Duration) async throws {
        guard let delay = reserve(limit: limit) else {
            Counter(label: "weir_upstream_pacing_refused_total", dimensions: [("rule", rule)]).increment()
            throw UpstreamError.rateLimited(.own, retryAfter: limit)
        }
        guard delay > .zero else { return }
        Self.waits(rule, "requests").record(duration: delay)
        do {
            try await Task.sleep(for: delay)
        } catch {
            schedule?.withLock { $0.giveBack(1) }
            throw error
        }
    }

    /// How long to wait for a turn; nil where that is longer than `limit`, and no turn is taken.
    private func reserve(limit: Duration) -> Duration? {
        switch schedule {
        case .none: .zero
        case .some(let schedule): schedule.withLock { $0.reserve(1, now: now, limit: limit) }
        }
    }

    // MARK: Second requests

    /// A request begins. How long to wait for its answer before ``mayAskAgain(_:)``; nil: it is not asked again.
    func begin(_ request: HedgedRequest) -> Duration? { hedges?.withLock { $0.begin(request, now: now) } }

    /// Whether a second request is made now. It waits for no turn: that would be slower than the first.
    func mayAskAgain(_ request: HedgedRequest) -> Bool {
        guard hedges?.withLock({ $0.mayAskAgain(now: now) }) ?? false else { return false }
        if request == .token { return true }
        return reserve(limit: .zero) != nil
    }

    func record(_ request: HedgedRequest, after time: Duration) {
        hedges?.withLock { $0.record(request, after: time) }
    }

    func askedAgain(_ request: HedgedRequest, isWon: Bool) {
        Counter(
            label: "weir_upstream_hedges_total",
            dimensions: [("rule", rule), ("request", request.rawValue), ("outcome", isWon ? "won" : "lost")]
        ).increment()
    }

    /// Looks at an answer for what it says of the number of requests.
    /// - Parameter wallClock: now, in seconds, for a `Retry-After` that is a date.
    func observe(status: Int, headers: HTTPHeaders, wallClock: Int64) {
        guard status == 429 || status == 503 else { return }
        let retryAfter = headers.first(name: "Retry-After").flatMap { RetryAfter.parse($0, now: wallClock) }
        hedges?.withLock { $0.restrain(now: now, retryAfter: retryAfter) }
    }
}
