/// Whether a peer sends so slowly that another one is worth asking.
///
/// Only the time spent waiting for the peer counts: a client that reads slowly makes no peer slow.
struct TransferPace: Sendable {
    private let window: Duration
    private let bytesPerSecondMin: Int
    private var waited = Duration.zero
    private var received = 0

    init(window: Duration, bytesPerSecondMin: Int) {
        self.window = window
        self.bytesPerSecondMin = bytesPerSecondMin
    }

    /// - Returns: whether less came than is to come, over a window that has just passed.
    mutating func note(_ count: Int, after time: Duration) -> Bool {
        received += count
        waited += time
        guard waited >= window else { return false }
        defer { (waited, received) = (.zero, 0) }
        return Double(received) < waited / .seconds(1) * Double(bytesPerSecondMin)
    }
}
