internal import Listening
internal import Logging
internal import Synchronization

/// What all connections of a server share.
struct AdmissionEnvironment: Sendable {
    let configuration: AdmissionServer.Configuration
    let responder: ReviewResponder
    let operations: [String: @Sendable () async -> OperationalAnswer]
    let connections: ConnectionTable
    let bodies: BodyMemory
    let logger: Logger
}

/// Bounds the bytes of all bodies that are held at once.
final class BodyMemory: Sendable {
    private let limitBytes: Int
    private let held = Atomic(0)

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    /// Whether there is room; what was reserved is given back by the same number.
    func reserve(_ count: Int) -> Bool {
        let now = held.add(count, ordering: .relaxed).newValue
        guard now <= limitBytes else {
            giveBack(count)
            return false
        }
        return true
    }

    func giveBack(_ count: Int) { held.subtract(count, ordering: .relaxed) }
}
