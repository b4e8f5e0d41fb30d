internal import CoreMetrics

/// What the cache counts. Made once; counting looks nothing up.
struct CacheMetrics: Sendable {
    /// How an answer came about. A label's value.
    enum Outcome: String, Sendable, CaseIterable { case hit, revalidated, stale, miss, collapsed, negative, error }
    enum Content: String, Sendable, CaseIterable { case manifest, blob }

    let fillsStarted = Counter(label: "weir_fills_started_total")
    let fillsJoined = Counter(label: "weir_fills_joined_total")
    let fillsCompleted = Counter(label: "weir_fills_completed_total")
    let fillsResumed = Counter(label: "weir_fills_resumed_total")
    let fillsPassedThrough = Counter(label: "weir_fills_passed_through_total")
    let segments = Counter(label: "weir_fill_segments_total")
    let fetchedAhead = Counter(label: "weir_fetch_ahead_blobs_total")
    let fetchedAheadUsed = Counter(label: "weir_fetch_ahead_used_blobs_total")
    let fetchedAheadUnused = Counter(label: "weir_fetch_ahead_unused_blobs_total")
    let bytesFetched = Counter(label: "weir_fetched_bytes_total")
    let evictedImages = Counter(label: "weir_evicted_images_total")
    let evictedBytes = Counter(label: "weir_evicted_bytes_total")
    let healedBlobs = Counter(label: "weir_healed_blobs_total")
    let writesFailed = Counter(label: "weir_catalogue_writes_failed_total")
    let storedBytes = Gauge(label: "weir_store_bytes")
    let runningFills = Gauge(label: "weir_fills_running")
    private let answers: [Content: [Outcome: Counter]]
    private let stale: [OutageLabel: Counter]
    private let failedFills: [FillFailure: Counter]

    init() {
        answers = Dictionary(
            uniqueKeysWithValues: Content.allCases.map { content in
                (
                    content,
                    Dictionary(
                        uniqueKeysWithValues: Outcome.allCases.map { outcome in
                            (
                                outcome,
                                Counter(
                                    label: "weir_cache_answers_total",
                                    dimensions: [("content", content.rawValue), ("outcome", outcome.rawValue)])
                            )
                        })
                )
            })
        stale = Dictionary(
            uniqueKeysWithValues: OutageLabel.allCases.map {
                ($0, Counter(label: "weir_stale_answers_total", dimensions: [("reason", $0.rawValue)]))
            })
        failedFills = Dictionary(
            uniqueKeysWithValues: FillFailure.allCases.map {
                ($0, Counter(label: "weir_fills_failed_total", dimensions: [("reason", $0.rawValue)]))
            })
    }

    /// Why something stale was served. A label's value, and the detail of `Cache-Status`.
    enum OutageLabel: String, Sendable, CaseIterable {
        case unreachable
        case serverError = "server-error"
        case rateLimited = "rate-limited"
        case unauthorized
        case notFound = "not-found"
        /// The upstream failed a moment ago, and was not asked again.
        case paused = "upstream-paused"
        /// The upstream's budget is short, and asking can wait.
        case postponed
        /// The answer is being revalidated meanwhile.
        case revalidating
    }

    private enum FillFailure: String, CaseIterable { case upstream, content, overloaded, storage, cancelled }

    func count(_ content: Content, _ outcome: Outcome) { answers[content]?[outcome]?.increment() }

    func countStale(_ reason: OutageLabel) { stale[reason]?.increment() }

    func countFailedFill(_ error: CacheError) {
        let failure: FillFailure =
            switch error {
            case .upstream, .ruleUnknown, .manifestUnknown, .blobUnknown, .nameUnknown: .upstream
            case .manifestInvalid, .digestMismatch, .sizeMismatch: .content
            case .overloaded: .overloaded
            case .storage: .storage
            case .cancelled: .cancelled
            }
        failedFills[failure]?.increment()
    }
}
