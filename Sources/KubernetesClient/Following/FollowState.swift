/// Decides what a follower of a collection does next: list, watch from where it is, or wait.
///
/// A list is read in pages and restarted where its token expires. A watch goes on from the last version heard of; a
/// version that the server has forgotten (410) leads to a new list. What fails is tried again after a pause that
/// doubles from one second to thirty, half of it by chance, so that replicas do not come back together.
struct FollowState: Sendable, Hashable {
    enum Step: Sendable, Hashable {
        /// - Parameter continueToken: nil begins a new list.
        case list(continueToken: String?)
        case watch(resourceVersion: String)
        case pause(Duration)
    }

    static let shortestPause = Duration.seconds(1)
    static let longestPause = Duration.seconds(30)
    /// A watch that lives shorter than this and says nothing counts as one that failed.
    static let shortestWatch = Duration.seconds(1)

    private enum Place: Sendable, Hashable {
        case unlisted
        case listing(continueToken: String)
        case listed(resourceVersion: String)
    }

    private var place = Place.unlisted
    private var failures = 0
    private var pause: Duration?

    /// Whether everything that is there has been told at least once, and nothing was missed since.
    var isListed: Bool {
        if case .listed = place { return true }
        return false
    }

    mutating func next() -> Step {
        if let pause {
            self.pause = nil
            return .pause(pause)
        }
        switch place {
        case .unlisted: return .list(continueToken: nil)
        case .listing(let token): return .list(continueToken: token)
        case .listed(let version): return .watch(resourceVersion: version)
        }
    }

    mutating func tookPage(resourceVersion: String, continueToken: String?) {
        if let continueToken {
            place = .listing(continueToken: continueToken)
        } else {
            place = .listed(resourceVersion: resourceVersion)
        }
    }

    /// A line of the watch that told a version.
    mutating func heard(resourceVersion: String) {
        place = .listed(resourceVersion: resourceVersion)
        failures = 0
    }

    /// The server ended the watch in order, as it does every few minutes.
    /// - Parameter jitter: from 0 to 1.
    mutating func watchEnded(after duration: Duration, heardAnything: Bool, jitter: Double) {
        if heardAnything || duration >= Self.shortestWatch {
            failures = 0
        } else {
            backOff(jitter: jitter)
        }
    }

    /// - Returns: how long nothing will be asked.
    @discardableResult
    mutating func failed(_ error: KubernetesError, jitter: Double) -> Duration {
        if error.isExpired {
            // A list that took longer than the server remembers: all of it anew, after a pause, or it would go on so.
            let wasListing = if case .listing = place { true } else { false }
            place = .unlisted
            if !wasListing, failures == 0 {
                failures = 1
                return .zero
            }
        } else if case .listing = place {
            // A token is of no use after a failure that may have lasted.
            place = .unlisted
        }
        backOff(jitter: jitter)
        let asked = error.status?.retryAfter ?? .zero
        pause = max(pause ?? .zero, min(asked, Self.longestPause * 2))
        return pause ?? .zero
    }

    private mutating func backOff(jitter: Double) {
        let whole = min(Self.shortestPause * (1 << min(failures, 10)), Self.longestPause)
        failures += 1
        pause = whole * (0.5 + jitter / 2)
    }
}
