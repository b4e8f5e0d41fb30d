internal import Logging
internal import MetadataStore
internal import OCI
internal import Rules
internal import Synchronization
internal import Timekeeping

/// Gathers who was pulled when, and writes it down in batches: a hit costs no write.
final class PullLedger: Sendable {
    /// Beyond this many the least is lost: last-pull times of what is pulled again soon anyway.
    private static let countLimit = 50_000

    private let metadata: any MetadataStore
    private let clock: any WallClock
    private let logger: Logger
    private let pulls = Mutex<[ContentKey: PullRecord]>([:])

    init(metadata: any MetadataStore, clock: any WallClock, logger: Logger) {
        self.metadata = metadata
        self.clock = clock
        self.logger = logger
    }

    func record(_ digest: Digest, in repository: RepositoryKey, as content: PullRecord.Content) {
        let now = clock.now()
        let key = ContentKey(repository: repository, digest: digest)
        pulls.withLock { pulls in
            if let index = pulls.index(forKey: key) {
                pulls.values[index].count += 1
                pulls.values[index].lastPulledAt = now
            } else if pulls.count < Self.countLimit {
                pulls[key] = PullRecord(
                    repository: repository, digest: digest, content: content, lastPulledAt: now, count: 1)
            }
        }
    }

    /// Writes down what was gathered. What cannot be written is dropped: it only orders eviction.
    func flush() async {
        let gathered = pulls.withLock { pulls in
            defer { pulls.removeAll(keepingCapacity: pulls.count < 1024) }
            return Array(pulls.values)
        }
        guard !gathered.isEmpty else { return }
        do {
            try await metadata.record(pulls: gathered)
        } catch {
            logger.warning("pulls could not be written down", metadata: ["reason": "\(error)"])
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
