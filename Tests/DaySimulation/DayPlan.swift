/// What a day's clients pull, and what moves upstream meanwhile: the same for the same seed.
package struct DayPlan: Sendable {
    package struct Image: Sendable, Hashable {
        package var repository: String
        package var tag: String
        /// How likely the tag moves within the day.
        package var moving: Double
    }

    package struct Pull: Sendable, Hashable {
        package var client: Int
        package var image: Int
    }

    package enum Event: Sendable, Hashable {
        /// Pulls at the same moment.
        case pulls([Pull])
        /// The tag names another image from now on.
        case move(image: Int)
    }

    package struct Moment: Sendable {
        /// In milliseconds since the day began.
        package var milliseconds: Int64
        package var event: Event
    }

    package struct Size: Sendable, Hashable {
        package var clients: Int
        package var pulls: Int
        package var repositories: Int

        package init(clients: Int, pulls: Int, repositories: Int) {
            self.clients = clients
            self.pulls = pulls
            self.repositories = repositories
        }

        package static let full = Size(clients: 200, pulls: 10_000, repositories: 150)
    }

    package let size: Size
    package let images: [Image]
    /// In order of time.
    package let moments: [Moment]
    /// Clients from here on are nodes that keep what they pulled; those before are build jobs that start with nothing.
    package let firstKeeper: Int

    /// Pulls by the hour of the day, from midnight on, as shares.
    private static let hours: [Double] = [
        2, 1, 1, 1, 1, 2, 4, 8, 12, 14, 14, 12, 10, 13, 14, 14, 12, 9, 6, 5, 4, 3, 3, 2,
    ]

    package init(_ size: Size, seed: UInt64 = 20_250_401) {
        var random = SeededRandom(seed)
        self.size = size
        images = Self.images(size, &random)
        firstKeeper = size.clients * 7 / 10
        let popularity = Popularity(count: images.count, &random)
        var moments = Self.bursts(size, images, popularity, firstKeeper, &random)
        moments += Self.schedules(size, images, popularity, firstKeeper, &random)
        let planned = moments.reduce(0) { $0 + $1.pullCount }
        for _ in 0..<max(0, size.pulls - planned) {
            let pull = Pull(
                client: Int.random(in: firstKeeper..<size.clients, using: &random), image: popularity.next(&random))
            moments.append(Moment(milliseconds: Self.moment(&random), event: .pulls([pull])))
        }
        for (index, image) in images.enumerated() where Double.random(in: 0..<1, using: &random) < image.moving {
            moments.append(
                Moment(milliseconds: Int64.random(in: 0..<86_400_000, using: &random), event: .move(image: index)))
        }
        self.moments = moments.enumerated().sorted {
            ($0.element.milliseconds, $0.offset) < ($1.element.milliseconds, $1.offset)
        }.map(\.element)
    }

    package var pullCount: Int { moments.reduce(0) { $0 + $1.pullCount } }

    /// Three tags of most repositories: one that moves, one of a minor version, one that is exact.
    private static func images(_ size: Size, _ random: inout SeededRandom) -> [Image] {
        (0..<size.repositories).flatMap { number -> [Image] in
            let name = number % 3 == 0 ? "library/image\(number)" : "team\(number % 17)/image\(number)"
            let (major, minor) = (Int.random(in: 1...20, using: &random), Int.random(in: 0...30, using: &random))
            var images = [Image(repository: name, tag: "latest", moving: 0.35)]
            if number % 4 != 3 { images.append(Image(repository: name, tag: "\(major).\(minor)", moving: 0.12)) }
            if number % 2 == 0 { images.append(Image(repository: name, tag: "\(major).\(minor).1", moving: 0)) }
            return images
        }
    }

    /// A pipeline starts some jobs at once, each of which pulls the same few images: three fifths of all pulls.
    private static func bursts(
        _ size: Size, _ images: [Image], _ popularity: Popularity, _ jobs: Int, _ random: inout SeededRandom
    ) -> [Moment] {
        var moments: [Moment] = []
        var left = size.pulls * 6 / 10
        while left > 0 {
            var begin = moment(&random)
            let jobCount = min(Int.random(in: 2...12, using: &random), jobs)
            let first = Int.random(in: 0..<jobs, using: &random)
            for _ in 0..<Int.random(in: 1...4, using: &random) where left > 0 {
                let image = popularity.next(&random)
                let pulls = (0..<min(jobCount, left)).map { Pull(client: (first + $0) % jobs, image: image) }
                moments.append(Moment(milliseconds: begin, event: .pulls(pulls)))
                left -= pulls.count
                begin = min(86_399_999, begin + Int64.random(in: 2000...20_000, using: &random))
            }
        }
        return moments
    }

    /// What is scheduled by the hour, on many nodes at once: a tenth of all pulls.
    private static func schedules(
        _ size: Size, _ images: [Image], _ popularity: Popularity, _ firstKeeper: Int, _ random: inout SeededRandom
    ) -> [Moment] {
        let perHour = size.pulls / 10 / 24
        return (0..<24).flatMap { hour in
            var left = perHour
            var moments: [Moment] = []
            while left > 0 {
                let count = min(left, 10)
                let image = popularity.next(&random)
                let pulls = (0..<count).map { _ in
                    Pull(client: Int.random(in: firstKeeper..<size.clients, using: &random), image: image)
                }
                moments.append(
                    Moment(milliseconds: Int64(hour) * 3_600_000 + Int64(moments.count) * 50, event: .pulls(pulls)))
                left -= count
            }
            return moments
        }
    }

    private static func moment(_ random: inout SeededRandom) -> Int64 {
        var rest = Double.random(in: 0..<hours.reduce(0, +), using: &random)
        for (hour, share) in hours.enumerated() {
            if rest < share {
                return Int64(hour) * 3_600_000 + Int64.random(in: 0..<3_600_000, using: &random)
            }
            rest -= share
        }
        return 86_399_999
    }
}

extension DayPlan.Moment {
    fileprivate var pullCount: Int { if case .pulls(let pulls) = event { pulls.count } else { 0 } }
}

/// A few images are pulled often and many seldom: Zipf's law, the exponent 1.
private struct Popularity {
    private var cumulative: [Double] = []
    private var order: [Int]

    init(count: Int, _ random: inout SeededRandom) {
        order = Array(0..<count).shuffled(using: &random)
        var sum = 0.0
        for rank in 0..<count {
            sum += 1 / Double(rank + 1)
            cumulative.append(sum)
        }
    }

    func next(_ random: inout SeededRandom) -> Int {
        let value = Double.random(in: 0..<(cumulative.last ?? 1), using: &random)
        var (low, high) = (0, cumulative.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > value { high = middle } else { low = middle + 1 }
        }
        return order[low]
    }
}

/// SplitMix64.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
