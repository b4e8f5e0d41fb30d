internal import HeapModule

/// What happens in the simulation, in the order of its virtual time; what is due at the same time, in the order in which
/// it was planned.
struct EventQueue {
    /// Without its action, which is counted: events are moved about in the heap much more often than they happen.
    private struct Event: Comparable {
        let time: Duration
        let number: UInt64
        let slot: Int

        static func < (left: Event, right: Event) -> Bool {
            left.time == right.time ? left.number < right.number : left.time < right.time
        }

        static func == (left: Event, right: Event) -> Bool { left.number == right.number }
    }

    private var events = Heap<Event>()
    private var actions: [() -> Void] = []
    private var freeSlots: [Int] = []
    private var lastNumber: UInt64 = 0

    mutating func plan(at time: Duration, _ action: @escaping () -> Void) {
        lastNumber += 1
        let slot = freeSlots.popLast() ?? actions.count
        if slot < actions.count { actions[slot] = action } else { actions.append(action) }
        events.insert(Event(time: time, number: lastNumber, slot: slot))
    }

    private static let nothing: @Sendable () -> Void = {}

    /// The next event up to `end`; nil where there is none.
    mutating func next(until end: Duration) -> (time: Duration, action: () -> Void)? {
        guard let first = events.min, first.time <= end else { return nil }
        events.removeMin()
        let action = actions[first.slot]
        actions[first.slot] = Self.nothing
        freeSlots.append(first.slot)
        return (first.time, action)
    }
}
