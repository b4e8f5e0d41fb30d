internal import HeapModule

/// What happens in the simulation, in the order of its virtual time; what is due at the same time, in the order in which
/// it was planned.
struct EventQueue {
    private struct Event: Comparable {
        let time: Duration
        let number: UInt64
        let action: () -> Void

        static func < (left: Event, right: Event) -> Bool {
            left.time == right.time ? left.number < right.number : left.time < right.time
        }

        static func == (left: Event, right: Event) -> Bool { left.number == right.number }
    }

    private var events = Heap<Event>()
    private var lastNumber: UInt64 = 0

    mutating func plan(at time: Duration, _ action: @escaping () -> Void) {
        lastNumber += 1
        events.insert(Event(time: time, number: lastNumber, action: action))
    }

    /// The next event up to `end`; nil where there is none.
    mutating func next(until end: Duration) -> (time: Duration, action: () -> Void)? {
        guard let first = events.min, first.time <= end else { return nil }
        events.removeMin()
        return (first.time, first.action)
    }
}
