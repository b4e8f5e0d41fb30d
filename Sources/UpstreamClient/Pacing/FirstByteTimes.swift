/// How long answers took to begin: the latest of them.
struct FirstByteTimes: Sendable {
    private var latest: [Duration] = []
    private var next = 0
    private let limit: Int

    /// - Parameter limit: how many are kept.
    init(limit: Int = 128) { self.limit = limit }

    var count: Int { latest.count }

    mutating func record(_ time: Duration) {
        if latest.count < limit {
            latest.append(time)
        } else {
            latest[next] = time
            next = (next + 1) % limit
        }
    }

    /// What `share` of them, from 0 to 1, did not exceed; nil where there are none.
    func quantile(_ share: Double) -> Duration? {
        guard !latest.isEmpty else { return nil }
        let sorted = latest.sorted()
        let rank = Int((share * Double(sorted.count)).rounded(.up)) - 1
        return sorted[min(max(rank, 0), sorted.count - 1)]
    }
}
