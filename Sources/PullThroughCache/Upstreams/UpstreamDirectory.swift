internal import Rules
internal import Synchronization
internal import Timekeeping
internal import Upstream

/// Every rule's upstream, as the configuration last named them.
final class UpstreamDirectory: Sendable {
    private let configuration: Configuration
    private let clock: any WallClock
    private let handles: Mutex<[RuleName: UpstreamHandle]>

    init(_ registries: [RuleName: any UpstreamRegistry], configuration: Configuration, clock: any WallClock) {
        self.configuration = configuration
        self.clock = clock
        handles = Mutex(
            registries.mapValues { UpstreamHandle(registry: $0, configuration: configuration, clock: clock) })
    }

    /// An upstream that stays keeps its turns, and what was learnt of it.
    func replace(_ registries: [RuleName: any UpstreamRegistry]) {
        handles.withLock { handles in
            let old = handles
            handles = [:]
            for (name, registry) in registries {
                if let handle = old[name], handle.registry as AnyObject === registry as AnyObject {
                    handles[name] = handle
                } else {
                    handles[name] = UpstreamHandle(registry: registry, configuration: configuration, clock: clock)
                }
            }
        }
    }

    func upstream(of rule: RuleName) throws(CacheError) -> UpstreamHandle {
        guard let handle = handles.withLock({ $0[rule] }) else { throw .ruleUnknown }
        return handle
    }

    /// Upstreams that did not answer when they were last asked, and how they failed.
    var failures: [RuleName: OutageCondition] { handles.withLock { $0.compactMapValues(\.lastFailure) } }

    /// Transfers that have a turn, and those that wait for one.
    var load: (passing: Int, waiting: Int) {
        handles.withLock { handles in
            handles.values.map(\.fills.load).reduce((0, 0)) { ($0.0 + $1.passing, $0.1 + $1.waiting) }
        }
    }
}
