internal import OCI
internal import Rules
internal import Synchronization
internal import Timekeeping
internal import Upstream

/// One rule's upstream with what the cache keeps beside it: turns for its callers, and whether it just failed.
final class UpstreamHandle: Sendable {
    let registry: any UpstreamRegistry
    /// Turns for blob transfers.
    let fills: Gate
    /// Turns for everything else, so that a manifest never waits behind large layers.
    let requests: Gate
    /// Turns for blobs that no client has asked for yet.
    let ahead: Gate
    private let breaker = Mutex(Breaker())
    private let segmentation = Mutex(SegmentationMemory())
    private let clock: any WallClock

    init(registry: any UpstreamRegistry, configuration: Configuration, clock: any WallClock) {
        self.registry = registry
        fills = Gate(limit: configuration.fillsPerUpstream, waitingLimit: configuration.waitingPerUpstream)
        requests = Gate(limit: configuration.requestsPerUpstream, waitingLimit: configuration.waitingPerUpstream)
        ahead = Gate(limit: configuration.fetchAheadPerUpstream, waitingLimit: configuration.waitingPerUpstream)
        self.clock = clock
    }

    /// Whether the upstream failed so recently that one who has something cached should not ask.
    var isPaused: Bool { breaker.withLock { $0.isOpen(at: clock.now()) } }

    /// How it failed, while ``isPaused``.
    var pausedBy: OutageCondition? { breaker.withLock { $0.openCondition(at: clock.now()) } }

    /// How it failed when it was last asked; nil where it answered.
    var lastFailure: OutageCondition? { breaker.withLock(\.lastFailure) }

    /// Asks the upstream when there is a turn, and remembers whether it answered.
    func ask<Value>(_ question: (any UpstreamRegistry) async throws -> Value) async throws -> Value {
        try await requests.pass {
            do {
                let value = try await question(registry)
                breaker.withLock { $0.recordSuccess() }
                return value
            } catch let error as UpstreamError {
                record(error)
                throw error
            }
        }
    }

    // MARK: Segments

    /// Whether blobs may be fetched over several connections.
    var maySegment: Bool { segmentation.withLock { $0.isAllowed(at: clock.now()) } }

    /// Whether that was seen to help.
    var segmentingHelps: Bool { segmentation.withLock { $0.helps } }

    func noteUsefulSegments() { segmentation.withLock { $0.noteGain() } }

    func notePointlessSegments(pause: Duration) {
        segmentation.withLock { $0.notePointless(until: clock.now() + pause) }
    }

    // MARK: Outages

    /// Only what says that the upstream is down counts; a refusal is an answer.
    func record(_ error: UpstreamError) {
        // Nothing was asked, so nothing was learnt.
        switch error {
        case .budgetSpent, .credentialsUnavailable: return
        default: break
        }
        switch OutageCondition(error) {
        case .unreachable: breaker.withLock { $0.recordFailure(.unreachable, at: clock.now()) }
        case .serverError: breaker.withLock { $0.recordFailure(.serverError, at: clock.now()) }
        case .notFound, .unauthorized, .rateLimited: breaker.withLock { $0.recordSuccess() }
        case nil: break
        }
    }
}

extension OutageCondition {
    /// What keeps an answer from coming, as an operator tells it apart; nil where the upstream is not at fault.
    init?(_ error: any Error) {
        switch error {
        case let error as UpstreamError: self.init(error)
        case CacheError.upstream(let error): self.init(error)
        // An upstream whose answers make no sense is as good as gone; and so is one that nobody gets through to.
        case is ManifestError, CacheError.manifestInvalid, CacheError.digestMismatch, CacheError.sizeMismatch,
            CacheError.overloaded:
            self = .unreachable
        default: return nil
        }
    }

    /// How an operator tells `error` apart; nil where the upstream is not at fault.
    init?(_ error: UpstreamError) {
        switch error {
        case .unreachable, .timedOut, .truncated, .malformedAnswer, .unexpectedStatus, .tooLarge, .redirectRefused,
            .realmRefused, .tokenEndpoint:
            self = .unreachable
        case .serverError: self = .serverError
        case .rateLimited, .budgetSpent: self = .rateLimited
        case .unauthorized, .credentialsUnavailable: self = .unauthorized
        case .notFound: self = .notFound
        case .cancelled: return nil
        }
    }
}
