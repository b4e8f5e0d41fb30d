internal import PeerGrants
internal import Synchronization

/// What commands and pages show.
extension PeerRegistry {
    /// Who is not asked at the moment.
    package struct SetAside: Sendable, Hashable {
        package let origin: String
        package let reason: String
        package let remaining: Duration
    }

    /// What the central granted, in words; nil where there are no grants.
    package var grantSummary: String? { grants?.summary }

    package var peersSetAside: [SetAside] {
        let now = ContinuousClock.now
        return fetcher.memory.state.withLock { $0.standing.setAside }
            .filter { $0.value.until > now }
            .map { SetAside(origin: $0.key, reason: $0.value.offence.rawValue, remaining: $0.value.until - now) }
            .sorted { $0.origin < $1.origin }
    }
}
