/// What one source that the upstream counts (an account, an address) is known to have left. Times are the ledger's, in
/// milliseconds.
///
/// Upstreams say how many are left, and how long their window is, but not when it ends. It ends no later than one
/// window after what is left was last seen to grow, whether the window is fixed or slides; so that moment is taken
/// for its end, and an answer that shows more than was known moves it.
struct QuotaBudget: Sendable {
    enum Knowledge: Sendable, Hashable {
        /// Nothing was answered yet.
        case unknown
        /// Answers announce no limit.
        case unlimited
        case limited
    }

    /// How long a limit that says nothing of its end is respected: doubled each time, since asking again tells.
    private static let blockMin: Int64 = 60_000
    private static let blockMax: Int64 = 3_600_000

    var knowledge = Knowledge.unknown
    /// `docker-ratelimit-source`, or the like.
    var source: String?
    /// Indexes of the pairs that spend it.
    var members: [Int]
    /// The next member to look at, so that addresses take turns.
    var cursor = 0
    private(set) var limit: Int64 = 0
    private(set) var remaining: Int64 = 0
    private(set) var window: Int64?
    /// When all of ``limit`` is there again; nil: it is there, or nobody knows.
    private(set) var windowEnd: Int64?
    /// Until when the upstream was asked to be left alone.
    private(set) var blockedUntil: Int64?
    /// The same for what is not counted: some refuse that as well while nothing is left.
    private(set) var uncountedBlockedUntil: Int64?
    private var blocksInRow = 0
    /// When pulls were taken off because nobody knows whether they were counted: an answer to a request that was sent
    /// before does not show them. Bounded.
    private var assumptions: [Int64] = []
    private static let assumptionLimit = 64
    private(set) var observedAt: Int64?
    /// Pulls on their way.
    var inFlight = 0
    private(set) var rate = SpendingRate()

    init(member: Int) { members = [member] }

    // MARK: Time

    /// Lets what is over be over.
    mutating func roll(to now: Int64) {
        if let end = windowEnd, end <= now {
            windowEnd = nil
            remaining = limit
        }
        if let until = blockedUntil, until <= now { blockedUntil = nil }
        if let until = uncountedBlockedUntil, until <= now { uncountedBlockedUntil = nil }
        // What nobody will give back by itself is not known any more: asked once, it is.
        if knowledge == .limited, remaining <= 0, windowEnd == nil, blockedUntil == nil { knowledge = .unknown }
    }

    func rolled(to now: Int64) -> QuotaBudget {
        var copy = self
        copy.roll(to: now)
        return copy
    }

    /// When something changes by itself.
    var nextChange: Int64 { min(windowEnd ?? .max, blockedUntil ?? .max) }

    // MARK: What may be spent, after `roll`

    /// Pulls that may begin now without touching `reserve`; not above what was learnt. Nil: no limit is known.
    func headroom(sparing reserve: Int64) -> Int64? {
        guard knowledge == .limited else { return nil }
        return remaining - Int64(inFlight) - reserve
    }

    func score(sparing reserve: Int64, isAnonymous: Bool, opensAt: Int64, now: Int64) -> QuotaScore {
        let budget = rolled(to: now)
        let closedUntil = max(opensAt, budget.blockedUntil ?? .min)
        guard closedUntil <= now else { return .unusable(until: closedUntil) }
        // An account before the address alone, whose budget others share.
        let base: UInt8 = isAnonymous ? 0 : 3
        switch budget.knowledge {
        case .unlimited:
            return QuotaScore(
                rank: base + 3, headroom: -Double(inFlight), end: nil, validUntil: budget.nextChange)
        // Asked once, it is known.
        case .unknown:
            return QuotaScore(
                rank: base + 2, headroom: -Double(inFlight), end: nil, validUntil: budget.nextChange)
        case .limited:
            let headroom = budget.remaining - Int64(inFlight) - reserve
            guard headroom > 0 else { return .unusable(until: budget.nextChange) }
            if let end = budget.windowEnd {
                return QuotaScore(
                    rank: base + 1, headroom: Double(headroom), end: end, validUntil: budget.nextChange)
            }
            // The window begins with the next pull. Without one, an hour serves to compare by.
            return QuotaScore(
                rank: base + 1, headroom: Double(headroom) / Double(budget.window ?? 3_600_000), end: nil,
                validUntil: budget.nextChange)
        }
    }

    // MARK: What is learnt

    /// Takes in what an answer told.
    /// - Parameter startedAt: when its request was sent. Answers overtake each other; one to a request that was sent
    ///   before the last answer came may show fewer pulls left, and never more.
    mutating func observe(_ observation: QuotaObservation, startedAt: Int64, now: Int64) {
        roll(to: now)
        let isNews = observedAt.map { startedAt > $0 } ?? true
        let newWindow = observation.window.map(\.milliseconds)
        // More left than there is would be believed until it is refused.
        let left = observation.remaining.map { min($0, observation.limit ?? .max) }
        let told = left.map { max(0, $0 - hidden(from: startedAt)) }
        if knowledge != .limited {
            knowledge = .limited
            limit = observation.limit ?? told ?? 0
            window = newWindow
            remaining = told ?? limit
            observedAt = now
            beginWindow(now: now)
            return
        }
        if let newWindow, newWindow != window {
            window = newWindow
            windowEnd = windowEnd == nil ? nil : end(after: now)
        }
        let oldLimit = limit
        if let newLimit = observation.limit { limit = newLimit }
        // Without a count the rest is what it was, of what is now the limit.
        let count = told ?? min(limit, remaining + max(0, limit - oldLimit))
        if count > remaining {
            guard isNews else { return }
            // A new window; or less was counted than was feared, which looks the same.
            windowEnd = nil
            remaining = count
            blockedUntil = nil
            uncountedBlockedUntil = nil
            blocksInRow = 0
        } else {
            remaining = count
        }
        beginWindow(now: now)
        if isNews || observedAt == nil { observedAt = now }
    }

    /// A window that nothing was spent of has not begun.
    private mutating func beginWindow(now: Int64) {
        guard remaining < limit || remaining == 0 else {
            windowEnd = nil
            return
        }
        if windowEnd == nil { windowEnd = end(after: now) }
        if remaining == 0, windowEnd == nil, blockedUntil == nil { block(nil, now: now) }
    }

    /// How many pulls were assumed that an answer to a request of that moment cannot show.
    private mutating func hidden(from startedAt: Int64) -> Int64 {
        let count = assumptions.count { $0 >= startedAt }
        if count == 0 { assumptions = [] }
        return Int64(count)
    }

    /// Takes in that the upstream said that nothing is left.
    mutating func exhaust(retryAfter: Duration?, refusesUncounted: Bool, now: Int64) {
        roll(to: now)
        remaining = 0
        block(retryAfter, now: now)
        if refusesUncounted { uncountedBlockedUntil = blockedUntil }
        if knowledge == .limited { windowEnd = blockedUntil }
        observedAt = now
    }

    /// Takes in an answer without any limit.
    mutating func observeNoLimit() {
        if knowledge == .unknown { knowledge = .unlimited }
    }

    /// Counts a pull that no answer accounted for.
    mutating func assumeSpent(now: Int64) {
        roll(to: now)
        rate.spend(at: now)
        guard knowledge == .limited, remaining > 0 else { return }
        remaining -= 1
        if assumptions.count >= Self.assumptionLimit { assumptions.removeFirst() }
        assumptions.append(now)
        if windowEnd == nil { windowEnd = end(after: now) }
    }

    mutating func countSpent(now: Int64) { rate.spend(at: now) }

    private mutating func block(_ retryAfter: Duration?, now: Int64) {
        let growing = min(Self.blockMin << Int64(min(blocksInRow, 10)), Self.blockMax)
        // Retry-After: 0 would ask again at once, for ever.
        let asked = retryAfter.map { max(1000, min($0.milliseconds, 400 * 86_400_000)) }
        blockedUntil = asked.map { now + $0 } ?? windowEnd ?? window.map { now + $0 } ?? now + growing
        blocksInRow = min(blocksInRow + 1, 10)
    }

    private func end(after now: Int64) -> Int64? { window.map { now + $0 } }

    /// What was kept of it.
    mutating func restore(
        limit: Int64?, remaining: Int64, window: Int64?, windowEnd: Int64?, blockedUntil: Int64?, observedAt: Int64?
    ) {
        knowledge = limit == nil ? .unlimited : .limited
        self.limit = max(0, limit ?? 0)
        self.remaining = max(0, remaining)
        self.window = window
        self.windowEnd = windowEnd
        self.blockedUntil = blockedUntil
        self.observedAt = observedAt
    }
}

extension Duration {
    /// Whole milliseconds; negative ones are none.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return min(max(seconds, 0), 1 << 40) * 1000 + max(0, attoseconds) / 1_000_000_000_000_000
    }
}
