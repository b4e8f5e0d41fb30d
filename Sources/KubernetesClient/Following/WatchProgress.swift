internal import Synchronization

/// The last version that a watch told, also when it ends by an error.
final class WatchProgress: Sendable {
    private let version = Mutex<String?>(nil)

    var latest: String? { version.withLock { $0 } }

    func tell(_ version: String) { self.version.withLock { $0 = version } }
}
