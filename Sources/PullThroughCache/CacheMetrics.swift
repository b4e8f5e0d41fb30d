internal import CoreMetrics

/// What the cache counts. Made once; counting looks nothing up.
struct CacheMetrics: Sendable {
    /// How an answer came about. A label's value.
    enum Outcome: Int, Sendable, CaseIterable { case hit, revalidated, stale, miss, collapsed, negative, error }
    enum Content: Int, Sendable, CaseIterable { case manifest, blob }

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
    /// By the positions of content and outcome among all: counted with every answer, so not found by hashing.
    private let answers: [Counter]
    private let stale: [OutageLabel: Counter]
    private let failedFills: [FillFailure: Counter]

    init() {
        answers = Content.allCases.flatMap { content in
            Outcome.allCases.map { outcome in
                Counter(
                    label: "weir_cache_answers_total",
                    dimensions: [("content", "\(content)"), ("outcome", "\(outcome)")])
            }
        }
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

    private static let outcomeCount = Outcome.allCases.count

    func count(_ content: Content, _ outcome: Outcome) {
        answers[content.rawValue * Self.outcomeCount + outcome.rawValue].increment()
    }

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
