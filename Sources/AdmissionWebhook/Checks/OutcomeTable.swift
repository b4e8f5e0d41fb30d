internal import DequeModule
internal import Timekeeping

/// What was found out, for as long as it may be believed, and what is being found out: one operation for each key,
/// however many ask. A value; the moment is the caller's.
struct OutcomeTable<Key: Hashable & Sendable, Value: Sendable, Waiter> {
    enum Answer {
        case known(Value)
        /// Nobody has asked yet: the caller finds it out, and then calls ``finish(_:_:keptFor:at:)``.
        case leader
        /// Somebody is finding it out.
        case follower
        /// Too much is being found out already.
        case full
    }

    private struct Entry {
        var value: Value
        var until: Timestamp
        var number: UInt64
    }

    private let limit: Int
    private let flightLimit: Int
    private var entries: [Key: Entry] = [:]
    /// Oldest first; what was put again since has another number.
    private var order: Deque<(key: Key, number: UInt64)> = []
    private var lastNumber: UInt64 = 0
    private var waiting: [Key: [Waiter]] = [:]

    /// - Parameters:
    ///   - limit: outcomes that are kept.
    ///   - flightLimit: keys that are being found out at one time.
    init(limit: Int, flightLimit: Int) {
        self.limit = limit
        self.flightLimit = flightLimit
    }

    var count: Int { entries.count }

    func known(_ key: Key, at now: Timestamp) -> Value? {
        guard let entry = entries[key], now < entry.until else { return nil }
        return entry.value
    }

    mutating func ask(_ key: Key, as waiter: Waiter, at now: Timestamp) -> Answer {
        if let value = known(key, at: now) { return .known(value) }
        guard waiting[key] == nil else {
            waiting[key]?.append(waiter)
            return .follower
        }
        guard waiting.count < flightLimit else { return .full }
        waiting[key] = [waiter]
        return .leader
    }

    /// Keeps the outcome, and returns everyone who waits for it.
    mutating func finish(_ key: Key, _ value: Value, keptFor duration: Duration, at now: Timestamp) -> [Waiter] {
        lastNumber += 1
        entries[key] = Entry(value: value, until: now + duration, number: lastNumber)
        order.append((key, lastNumber))
        while entries.count > limit || order.count > 2 * limit, let oldest = order.popFirst() {
            if entries[oldest.key]?.number == oldest.number { entries[oldest.key] = nil }
        }
        return waiting.removeValue(forKey: key) ?? []
    }
}
