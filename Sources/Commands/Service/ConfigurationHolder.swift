internal import Rules
internal import Synchronization

/// The configuration in effect, which a reload replaces while requests go on.
final class ConfigurationHolder: Sendable {
    private let current: Mutex<ServiceConfiguration>

    init(_ configuration: ServiceConfiguration) { current = Mutex(configuration) }

    var configuration: ServiceConfiguration { current.withLock { $0 } }
    var rules: RuleTable { current.withLock { $0.rules } }

    func replace(with configuration: ServiceConfiguration) { current.withLock { $0 = configuration } }
}
