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

    func replace(_ registries: [RuleName: any UpstreamRegistry]) {
        let replaced = registries.mapValues {
            UpstreamHandle(registry: $0, configuration: configuration, clock: clock)
        }
        handles.withLock { $0 = replaced }
    }

    func upstream(of rule: RuleName) throws(CacheError) -> UpstreamHandle {
        guard let handle = handles.withLock({ $0[rule] }) else { throw .ruleUnknown }
        return handle
    }

    /// Transfers that have a turn, and those that wait for one.
    var load: (passing: Int, waiting: Int) {
        handles.withLock { handles in
            handles.values.map(\.fills.load).reduce((0, 0)) { ($0.0 + $1.passing, $0.1 + $1.waiting) }
        }
    }
}
