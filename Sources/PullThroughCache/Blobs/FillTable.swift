internal import Concurrency
internal import OCI
internal import Rules

/// Which blobs are being filled and which removed: never both at once.
///
/// A blob is filled once for all who pull it by one rule. Two rules never share a fill: what the one's upstream sends is
/// not verified before the end, and the other's clients need not trust it.
struct FillTable: Sendable {
    private enum Entry {
        case filling([RuleName: Fill])
        /// Those who want to fill wait until the removal is done.
        case removing([Waiter<Void>])
    }

    enum Joining {
        /// Start the transfer.
        case leader(FillReader)
        case follower(FillReader)
        /// Ask again after this.
        case afterRemoval(Waiter<Void>)
    }

    private var entries: [Digest: Entry] = [:]

    var count: Int { fills.count }

    var repositories: Set<RepositoryKey> { Set(fills.map(\.repository)) }

    private var fills: [Fill] {
        entries.values.flatMap { entry in
            if case .filling(let fills) = entry { Array(fills.values) } else { [Fill]() }
        }
    }

    func fill(of digest: Digest, by rule: RuleName) -> Fill? {
        guard case .filling(let fills) = entries[digest] else { return nil }
        return fills[rule]
    }

    /// Joins the fill of the same blob and rule that is under way, or begins `fill`.
    ///
    /// A fill whose first bytes are gone (it bypasses a full disk) is left to those who read it, and the new one begun.
    /// - Parameter isOwn: another repository's fill is not joined, but left to those who read it.
    mutating func join(_ fill: Fill, reader: FillReader, isOwn: Bool) -> Joining {
        switch entries[fill.digest] {
        case .filling(var fills):
            if let current = fills[fill.repository.rule], !isOwn || current.repository == fill.repository,
                let follower = current.makeReader()
            {
                return .follower(follower)
            }
            fills[fill.repository.rule] = fill
            entries[fill.digest] = .filling(fills)
        case .removing(var waiters):
            let waiter = Waiter<Void>()
            waiters.append(waiter)
            entries[fill.digest] = .removing(waiters)
            return .afterRemoval(waiter)
        case nil: entries[fill.digest] = .filling([fill.repository.rule: fill])
        }
        return .leader(reader)
    }

    /// Takes `fill` up; returns false where the blob is being filled by its rule, or removed.
    mutating func begin(_ fill: Fill) -> Bool {
        switch entries[fill.digest] {
        case .filling(var fills):
            guard fills[fill.repository.rule] == nil else { return false }
            fills[fill.repository.rule] = fill
            entries[fill.digest] = .filling(fills)
        case .removing: return false
        case nil: entries[fill.digest] = .filling([fill.repository.rule: fill])
        }
        return true
    }

    /// Forgets `fill`, unless another has taken its place.
    mutating func finish(_ fill: Fill) {
        guard case .filling(var fills) = entries[fill.digest], fills[fill.repository.rule] === fill else { return }
        fills[fill.repository.rule] = nil
        entries[fill.digest] = fills.isEmpty ? nil : .filling(fills)
    }

    /// Returns false where the blob is being filled or removed already.
    mutating func beginRemoval(of digest: Digest) -> Bool {
        guard entries[digest] == nil else { return false }
        entries[digest] = .removing([])
        return true
    }

    /// Returns those who waited.
    mutating func endRemoval(of digest: Digest) -> [Waiter<Void>] {
        guard case .removing(let waiters) = entries.removeValue(forKey: digest) else {
            preconditionFailure("a removal that ends has begun")
        }
        return waiters
    }
}
