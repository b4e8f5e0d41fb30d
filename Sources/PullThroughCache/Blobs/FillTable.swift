internal import OCI
internal import Rules

/// Which blobs are being filled and which removed: never both at once, and never twice.
struct FillTable: Sendable {
    private enum Entry {
        case filling(Fill)
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

    var count: Int { entries.count }

    var repositories: Set<RepositoryKey> {
        var repositories: Set<RepositoryKey> = []
        for case .filling(let fill) in entries.values { repositories.insert(fill.repository) }
        return repositories
    }

    func fill(of digest: Digest) -> Fill? {
        guard case .filling(let fill) = entries[digest] else { return nil }
        return fill
    }

    /// Joins the fill of `digest` under way, or begins the one that `make` gives. A fill whose first bytes are gone
    /// (it bypasses a full disk) is left to those who read it, and a new one begun.
    mutating func join(_ digest: Digest, make: () -> (Fill, FillReader)) -> Joining {
        switch entries[digest] {
        case .filling(let fill):
            if let reader = fill.makeReader() { return .follower(reader) }
        case .removing(var waiters):
            let waiter = Waiter<Void>()
            waiters.append(waiter)
            entries[digest] = .removing(waiters)
            return .afterRemoval(waiter)
        case nil: break
        }
        let (fill, reader) = make()
        entries[digest] = .filling(fill)
        return .leader(reader)
    }

    /// Takes `fill` up; returns false where the blob is being filled or removed already.
    mutating func begin(_ fill: Fill) -> Bool {
        guard entries[fill.digest] == nil else { return false }
        entries[fill.digest] = .filling(fill)
        return true
    }

    /// Forgets `fill`, unless another has taken its place.
    mutating func finish(_ fill: Fill) {
        if case .filling(let current) = entries[fill.digest], current === fill { entries[fill.digest] = nil }
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
