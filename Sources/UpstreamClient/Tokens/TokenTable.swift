package import Timekeeping

/// Which tokens are at hand, and which are being fetched. One account's; one token for each scope.
package struct TokenTable<Waiter> {
    package enum Role: Sendable, Hashable {
        /// Nobody is fetching it: the caller does, for everyone.
        case leader
        /// It is being fetched.
        case follower
    }

    private let capacity: Int
    private var tokens: [String: Token] = [:]
    private var fetches: [String: [Waiter]] = [:]

    /// - Parameter capacity: tokens kept at most; those that expire first go first.
    package init(capacity: Int = 1024) { self.capacity = capacity }

    package var count: Int { tokens.count }

    /// The token for `scope` that may be used now, if there is one.
    /// - Parameter refused: a token that the upstream no longer accepts: it is forgotten, while one that took its
    ///   place in the meantime is not.
    package mutating func usable(_ scope: String, refused: String?, now: Timestamp) -> Token? {
        guard let token = tokens[scope] else { return nil }
        if token.value != refused, now < token.usableUntil { return token }
        tokens[scope] = nil
        return nil
    }

    /// Adds someone who waits for a token to be fetched.
    package mutating func join(_ scope: String, _ waiter: Waiter) -> Role {
        defer { fetches[scope, default: []].append(waiter) }
        return fetches[scope] == nil ? .leader : .follower
    }

    /// Removes and returns one who no longer waits.
    package mutating func leave(_ scope: String, where isLeaving: (Waiter) -> Bool) -> Waiter? {
        guard let index = fetches[scope]?.firstIndex(where: isLeaving) else { return nil }
        return fetches[scope]?.remove(at: index)
    }

    /// Ends a fetch; keeps its token, if it gave one. Returns everyone who waits: one outcome, told to all.
    package mutating func finish(_ scope: String, with token: Token?, now: Timestamp) -> [Waiter] {
        if let token {
            if tokens.count >= capacity { makeRoom(now: now) }
            tokens[scope] = token
        }
        return fetches.removeValue(forKey: scope) ?? []
    }

    /// Forgets every token; fetches go on.
    package mutating func forgetAll() { tokens = [:] }

    /// Forgets a token that was refused.
    package mutating func forget(_ value: String, of scope: String) {
        if tokens[scope]?.value == value { tokens[scope] = nil }
    }

    private mutating func makeRoom(now: Timestamp) {
        tokens = tokens.filter { now < $0.value.usableUntil }
        // A quarter at once, so that a full table is not sorted for every token.
        guard tokens.count >= capacity else { return }
        let oldest = tokens.sorted { $0.value.usableUntil < $1.value.usableUntil }.prefix(max(1, capacity / 4))
        for (scope, _) in oldest { tokens[scope] = nil }
    }
}
