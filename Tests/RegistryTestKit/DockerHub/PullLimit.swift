internal import Timekeeping

/// So many pulls in so much time. Both are the test's choice: Docker Hub has published more than one pair.
package struct PullLimit: Sendable, Hashable {
    /// When pulls are forgiven. Docker Hub's documentation does not say which it is.
    package enum Style: Sendable, Hashable {
        /// The window begins with the first pull and ends for all of them at once.
        case fixed
        /// Each pull is forgiven a window's length after it was made.
        case sliding
    }

    package var count: Int
    /// In seconds, as `w=` announces it.
    package var windowSeconds: Int
    package var style: Style

    package init(_ count: Int, perSeconds windowSeconds: Int, style: Style = .fixed) {
        precondition(count >= 0 && windowSeconds > 0)
        self.count = count
        self.windowSeconds = windowSeconds
        self.style = style
    }
}

/// Which limits hold for whom. Neither of these may be relied on: that is what they are for.
package struct PullRegime: Sendable, Hashable {
    /// For each address, or IPv6 /64; nil: no limit, and no fields that announce one.
    package var anonymous: PullLimit?
    /// For each account of the personal plan.
    package var personal: PullLimit?

    package init(anonymous: PullLimit?, personal: PullLimit?) {
        self.anonymous = anonymous
        self.personal = personal
    }

    /// 100 and 200 in six hours: Docker's documentation, "Docker Hub pull usage and limits".
    package static let sixHours = PullRegime(
        anonymous: PullLimit(100, perSeconds: 21_600), personal: PullLimit(200, perSeconds: 21_600))
    /// 10 and 100 in one hour: what Docker announced for April 2025, and put on hold.
    package static let hourly = PullRegime(
        anonymous: PullLimit(10, perSeconds: 3600), personal: PullLimit(100, perSeconds: 3600))
}

/// The pulls of one account or address within the window.
struct PullWindow: Sendable {
    /// Oldest first; no more than the limit, since what is refused does not count.
    private var pulls: [Timestamp] = []

    /// What is left at `now`.
    mutating func remaining(_ limit: PullLimit, now: Timestamp) -> Int {
        forget(limit, now: now)
        return max(0, limit.count - pulls.count)
    }

    /// Counts a pull; false where none is left.
    mutating func count(_ limit: PullLimit, now: Timestamp) -> Bool {
        guard remaining(limit, now: now) > 0 else { return false }
        pulls.append(now)
        return true
    }

    /// When a pull will be possible again; nil where one is now.
    mutating func recovery(_ limit: PullLimit, now: Timestamp) -> Timestamp? {
        guard remaining(limit, now: now) == 0, let first = pulls.first else { return nil }
        // Where the limit was lowered meanwhile, more than one has to go.
        let deciding = limit.style == .fixed ? first : pulls[max(0, pulls.count - max(1, limit.count))]
        return deciding + .seconds(limit.windowSeconds)
    }

    private mutating func forget(_ limit: PullLimit, now: Timestamp) {
        let window = Duration.seconds(limit.windowSeconds)
        switch limit.style {
        case .fixed:
            if let first = pulls.first, now - first >= window { pulls = [] }
        case .sliding:
            if let first = pulls.first, now - first >= window { pulls.removeAll { now - $0 >= window } }
        }
    }
}

/// The limiter against abuse: every request of an address within a minute of the clock.
struct AbuseWindow: Sendable {
    private var begin: Timestamp?
    private var requestCount = 0

    /// Counts a request, refused ones too; false where it is one too many.
    mutating func count(limit: Int, now: Timestamp) -> Bool {
        if let begin, now >= begin, now - begin < .seconds(60) {
            requestCount += 1
        } else {
            begin = now
            requestCount = 1
        }
        return requestCount <= limit
    }
}

/// What an address is counted as: itself, or its /64 where it is of IPv6.
package func countedAddress(_ address: String) -> String {
    guard address.contains(":") else { return address }
    let host = address.split(separator: "%", maxSplits: 1).first.map(String.init) ?? address
    // An IPv4 address in IPv6's clothes is an IPv4 address.
    if host.lowercased().hasPrefix("::ffff:"), host.contains(".") { return String(host.dropFirst(7)) }
    let halves = host.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
    let groups = { (text: Substring) in
        text.split(separator: ":").map { UInt16($0, radix: 16).map { String($0, radix: 16) } ?? String($0) }
    }
    var all = groups(halves[0])
    if host.contains("::"), halves.count == 2 {
        let last = groups(halves[1])
        all += Array(repeating: "0", count: max(0, 8 - all.count - last.count)) + last
    }
    return all.prefix(4).joined(separator: ":") + "::/64"
}
