internal import CoreMetrics
internal import Synchronization

/// What a metric family is, as its `# TYPE` line says.
package enum MetricKind: String, Sendable {
    case counter
    case gauge
    case histogram
}

/// A number that only grows. Whole and fractional increments are kept apart, so that whole ones stay exact.
package final class CounterInstrument: CounterHandler, FloatingPointCounterHandler {
    private let whole = Atomic<Int64>(0)
    private let fractional = AtomicDouble()

    package init() {}

    /// Negative amounts are passed over: a counter never falls.
    package func increment(by amount: Int64) {
        guard amount > 0 else { return }
        whole.wrappingAdd(amount, ordering: .relaxed)
    }

    package func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        fractional.add(amount)
    }

    package func reset() {
        whole.store(0, ordering: .relaxed)
        fractional.store(0)
    }

    var text: String {
        let fraction = fractional.load()
        let count = whole.load(ordering: .relaxed)
        return fraction == 0 ? "\(count)" : prometheusNumber(Double(count) + fraction)
    }
}

/// A number that goes up and down: meters, and recorders that do not aggregate.
///
/// Has no value until it is given one. A quota of which nothing is known yet is not a quota of 0.
package final class GaugeInstrument: MeterHandler, RecorderHandler {
    private let value = AtomicDouble()
    private let isSet = Atomic<Bool>(false)

    package init() {}

    package func set(_ value: Int64) { set(Double(value)) }

    package func set(_ value: Double) {
        self.value.store(value)
        isSet.store(true, ordering: .relaxed)
    }

    package func increment(by amount: Double) {
        value.add(amount)
        isSet.store(true, ordering: .relaxed)
    }

    package func decrement(by amount: Double) { increment(by: -amount) }
    package func record(_ value: Int64) { set(value) }
    package func record(_ value: Double) { set(value) }

    /// Nil where it was never set.
    var text: String? { isSet.load(ordering: .relaxed) ? prometheusNumber(value.load()) : nil }
}

/// Counts of values by size: timers, in seconds, and recorders that aggregate, in their own unit.
package final class HistogramInstrument: TimerHandler, RecorderHandler {
    /// The upper bounds, rising; what is above the last is counted without one. At most ``cellCount`` - 1.
    let bounds: [Double]
    private let cells = InlineArray<18, Atomic<Int64>> { _ in Atomic(0) }
    private let sum = AtomicDouble()

    static var cellCount: Int { 18 }

    package init(bounds: [Double]) {
        precondition(bounds.count < Self.cellCount)
        self.bounds = bounds
    }

    package func record(_ value: Int64) { record(Double(value)) }

    package func record(_ value: Double) {
        guard value.isFinite else { return }
        // Eighteen bounds at most: walking them costs less than a binary search's mispredictions.
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        cells[index].wrappingAdd(1, ordering: .relaxed)
        sum.add(value)
    }

    package func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    /// What was counted up to each bound, the last without bound; and the sum of all values.
    var snapshot: (cumulative: [Int64], sum: Double) {
        var total: Int64 = 0
        var cumulative: [Int64] = []
        for index in 0...bounds.count {
            total += cells[index].load(ordering: .relaxed)
            cumulative.append(total)
        }
        return (cumulative, sum.load())
    }
}

/// A floating-point number that many threads change, without a lock.
final class AtomicDouble: Sendable {
    private let bits = Atomic<UInt64>(0)

    func load() -> Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func store(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var current = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: current) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(
                expected: current, desired: sum, ordering: .relaxed)
            if exchanged { return }
            current = original
        }
    }
}

/// A number as the text format writes it; whole ones without a fraction.
func prometheusNumber(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    if value == value.rounded(), abs(value) < 1e15 { return "\(Int64(value))" }
    return "\(value)"
}

/// A bound as Go's client library writes it, `3.2e+06`: a sum over programs goes by the text, and of one text there is to
/// be one bound.
func prometheusBound(_ value: Double) -> String {
    guard value >= 1e6, value < 1e15, value == value.rounded() else { return prometheusNumber(value) }
    let digits = "\(Int64(value))"
    let exponent = digits.count - 1
    var fraction = digits.dropFirst()
    while fraction.last == "0" { fraction.removeLast() }
    return "\(digits.prefix(1))\(fraction.isEmpty ? "" : ".\(fraction)")e+\(exponent < 10 ? "0" : "")\(exponent)"
}
