package import Timekeeping

/// Decides when leases of images in use are written.
///
/// Every renewal leases all of them until a grace from the moment that the cluster was last heard of. While it is not
/// heard, nothing is renewed and nothing released: leases run out one grace after the last word, and until then eviction
/// leaves the images alone, also after a restart that finds no API server.
package struct LeaseSchedule: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        /// Lease all images in use until `expiry`.
        case renew(until: Timestamp)
        case nothing
    }

    /// Renewals while nothing changes: so many in a grace.
    private static let renewalsPerGrace = 8
    private static let longestInterval = Duration.seconds(3600)
    /// Changes are gathered for so long.
    package static let shortestInterval = Duration.seconds(5)

    private let grace: Duration
    private var renewedAt: Timestamp?
    private var renewedChanges = -1

    package init(grace: Duration) { self.grace = grace }

    var interval: Duration {
        max(Self.shortestInterval, min(grace / Self.renewalsPerGrace, Self.longestInterval))
    }

    /// - Parameters:
    ///   - changes: counts changes of the images in use.
    ///   - lastHeard: when what is known of them was last confirmed.
    ///   - isComplete: whether all of them are known.
    package mutating func action(
        at now: Timestamp, changes: Int, lastHeard: Timestamp?, isComplete: Bool, isInContact: Bool
    ) -> Action {
        guard isComplete, isInContact, let lastHeard else { return .nothing }
        let since = renewedAt.map { now - $0 }
        // A clock that was set back renews at once.
        if let since, since >= .zero {
            let isDue = since >= interval || (changes != renewedChanges && since >= Self.shortestInterval)
            guard isDue else { return .nothing }
        }
        renewedAt = now
        renewedChanges = changes
        return .renew(until: max(lastHeard, now) + grace)
    }

    /// A renewal failed: it is due again.
    package mutating func failed() { renewedChanges = -1 }
}
