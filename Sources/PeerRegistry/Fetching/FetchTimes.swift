/// How long peers took to begin their answers, the last hundred times: when it is worth asking another one as well.
struct FetchTimes: Sendable {
    private static let countMax = 100
    private static let unknown = Duration.milliseconds(50)

    private var times: [Duration] = []
    private var next = 0

    mutating func record(_ time: Duration) {
        if times.count < Self.countMax {
            times.append(time)
        } else {
            times[next] = time
            next = (next + 1) % Self.countMax
        }
    }

    /// When further peers are asked, counted from the first request: at the 80th, 85th and 90th percentile, as Spegel
    /// does.
    var hedges: [Duration] {
        guard !times.isEmpty else { return [Self.unknown, Self.unknown * 2, Self.unknown * 3] }
        let sorted = times.sorted()
        return [80, 85, 90].map { sorted[min(sorted.count - 1, sorted.count * $0 / 100)] }
    }
}
