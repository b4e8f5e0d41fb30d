/// Which requests are asked a second time, on another connection, when the first is slow to answer.
enum HedgedRequest: String, Sendable, CaseIterable {
    /// Asks what a tag names. Counts as a pull nowhere.
    case manifestHead = "manifest_head"
    case token
}

/// Decides when a slow request is asked once more.
///
/// Not before enough answers were seen to know what slow is; only a small share of requests, so that an upstream that
/// is slow for everyone is not asked twice as much; and not while it says that it is asked too much.
struct HedgePolicy: Sendable {
    struct Settings: Sendable, Hashable {
        /// Slower than this share of the answers is slow.
        var quantile = 0.95
        /// Answers that have to be seen before anything is called slow.
        var sampleMinimum = 20
        /// Nothing faster is slow.
        var floor = Duration.milliseconds(50)
        /// Everything slower is.
        var ceiling = Duration.seconds(2)
        /// Of all requests, how many may be asked twice.
        var share = 0.05
        /// How many of those may be saved up.
        var burst = 2.0
        /// How long nothing is asked twice after the upstream refused for the number of requests.
        var restraint = Duration.seconds(60)
    }

    private let settings: Settings
    private var times: [HedgedRequest: FirstByteTimes] = [:]
    /// Second requests that may be made.
    private var allowance = 0.0
    private var restrainedUntil: Duration?

    init(_ settings: Settings = Settings()) { self.settings = settings }

    /// A request begins. How long to wait for its answer before it is asked again; nil: it is not.
    /// - Parameter now: since any fixed moment, like all others.
    mutating func begin(_ request: HedgedRequest, now: Duration) -> Duration? {
        allowance = min(settings.burst, allowance + settings.share)
        guard isAllowed(now: now), let times = times[request], times.count >= settings.sampleMinimum,
            let slow = times.quantile(settings.quantile)
        else { return nil }
        return min(max(slow, settings.floor), settings.ceiling)
    }

    /// The time is over. Whether the second request is made, which is counted.
    mutating func mayAskAgain(now: Duration) -> Bool {
        guard isAllowed(now: now) else { return false }
        allowance -= 1
        return true
    }

    /// An answer began after `time`.
    mutating func record(_ request: HedgedRequest, after time: Duration) {
        times[request, default: FirstByteTimes()].record(time)
    }

    /// The upstream asks for fewer requests, and for no further one before `retryAfter`.
    mutating func restrain(now: Duration, retryAfter: Duration?) {
        let until = now + max(settings.restraint, retryAfter ?? .zero)
        restrainedUntil = max(restrainedUntil ?? until, until)
    }

    private func isAllowed(now: Duration) -> Bool {
        allowance >= 1 && restrainedUntil.map { now >= $0 } ?? true
    }
}
