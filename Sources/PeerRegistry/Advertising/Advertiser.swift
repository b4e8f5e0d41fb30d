package import Logging
package import NodeContent
internal import OCI
package import PeerRouting
internal import Synchronization

/// Keeps what is advertised in step with what is here.
///
/// It is not each change that is carried over: after any change everything is listed anew, at most once in
/// ``Configuration/settleTime``, and compared with what was said before. So no event that was lost, came twice or in the
/// wrong order can do lasting harm, and a restart of containerd is like any other change.
package final class Advertiser: Sendable {
    package struct Configuration: Sendable, Hashable {
        /// How long changes are gathered; longer where listing takes long, so that it takes a twentieth of the time at
        /// the most.
        package var settleTime: Duration = .milliseconds(500)
        /// How often everything is listed without any change.
        package var relistInterval: Duration = .seconds(300)
        /// Before a keeper that does not answer is asked again; doubles up to ``retryMax``.
        package var retryMin: Duration = .milliseconds(200)
        package var retryMax: Duration = .seconds(10)

        package init() {}
    }

    private let content: any NodeContent
    private let routing: any PeerRouting
    private let filter: RegistryFilter
    private let configuration: Configuration
    private let metrics: NodeMetrics
    private let logger: Logger
    private struct State {
        var keys = AdvertisedKeys()
        var isFollowing = false
        var trouble: NodeContentError?
    }

    private let state = Mutex(State())

    package init(
        content: any NodeContent, routing: any PeerRouting, filter: RegistryFilter,
        configuration: Configuration = Configuration(), metrics: NodeMetrics, logger: Logger
    ) {
        self.content = content
        self.routing = routing
        self.filter = filter
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
    }

    package var keys: AdvertisedKeys { state.withLock { $0.keys } }

    /// The repositories through which content is known here: none for what has no name, or takes no part.
    func places(of digest: Digest) -> Set<AdvertisedKeys.Place> {
        state.withLock { $0.keys.repositories[digest] ?? [] }
    }

    /// Whether whoever keeps the content answers.
    package var isFollowing: Bool { state.withLock { $0.isFollowing } }

    /// Why what is here cannot be told, for people; nil where it can, or was not tried yet.
    package var trouble: String? { state.withLock { $0.trouble?.description } }

    /// Goes on until it is cancelled; then everything is withdrawn.
    package func run() async {
        // One pending change is as good as many.
        let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withDiscardingTaskGroup { group in
            group.addTask { await self.follow { continuation.yield() } }
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: self.configuration.relistInterval)
                    continuation.yield()
                }
            }
            var pause = configuration.retryMin
            for await _ in changes {
                let start = ContinuousClock.now
                if await relist() {
                    pause = configuration.retryMin
                } else if isFollowing {
                    // Whoever keeps the content answers, only not this: nothing else would ask again for minutes.
                    try? await Task.sleep(for: pause)
                    pause = min(pause * 2, configuration.retryMax)
                    continuation.yield()
                }
                try? await Task.sleep(for: max(configuration.settleTime, (ContinuousClock.now - start) * 20))
            }
            group.cancelAll()
        }
        let keys = state.withLock { state in
            defer { state.keys = AdvertisedKeys() }
            return state.keys.all
        }
        routing.withdraw(keys)
    }

    private func follow(_ changed: @escaping @Sendable () -> Void) async {
        var pause = configuration.retryMin
        while !Task.isCancelled {
            let start = ContinuousClock.now
            do throws(NodeContentError) {
                try await content.follow { [self] in
                    let isNews = state.withLock { state in
                        defer { state.isFollowing = true }
                        return !state.isFollowing
                    }
                    if isNews { logger.info("the node's images are followed") }
                    changed()
                }
            } catch {
                let wasFollowing = state.withLock { state in
                    defer { state.isFollowing = false }
                    state.trouble = error
                    return state.isFollowing
                }
                // Said once, and not at every attempt.
                if wasFollowing || pause == configuration.retryMin, !Task.isCancelled {
                    logger.warning("the node's images cannot be followed", metadata: ["error": "\(error)"])
                }
            }
            if ContinuousClock.now - start > configuration.retryMax { pause = configuration.retryMin }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, configuration.retryMax)
        }
    }

    /// Lists everything and tells peers what is new and what is gone. What was said before stays where nothing can be
    /// listed: its keeper comes back, as a rule, with all it had.
    /// - Returns: whether it could be listed.
    @discardableResult
    package func relist() async -> Bool {
        let keys: AdvertisedKeys
        do throws(NodeContentError) {
            keys = AdvertisedKeys(try await content.images(), filter: filter)
        } catch {
            // Said once; while nothing can be followed, that was said.
            let isNews = state.withLock { state in
                defer { if state.isFollowing { state.trouble = error } }
                return state.isFollowing && state.trouble != error
            }
            logger.log(
                level: isNews ? .warning : .debug, "the node's images cannot be listed", metadata: ["error": "\(error)"]
            )
            return false
        }
        let old = state.withLock { state in
            defer { state.keys = keys }
            if state.isFollowing { state.trouble = nil }
            return state.keys.all
        }
        let gone = old.subtracting(keys.all)
        let new = keys.all.subtracting(old)
        if !gone.isEmpty { routing.withdraw(gone) }
        if !new.isEmpty { routing.advertise(new) }
        metrics.record(keys)
        return true
    }
}
