#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// How fast pulls are spent: a count in which what is an hour old weighs 1/e.
struct SpendingRate: Sendable, Hashable {
    private static let memory = 3_600_000.0

    private var weight = 0.0
    private var at: Int64 = .min

    mutating func spend(at now: Int64) {
        weight = perHour(at: now) + 1
        at = now
    }

    /// Pulls in an hour, as they went of late.
    func perHour(at now: Int64) -> Double {
        guard weight > 0 else { return 0 }
        let rate = weight * exp(-Double(max(0, now - at)) / Self.memory)
        return rate < 0.005 ? 0 : rate
    }
}
