/// Which peers are not to be asked for a while, and how busy the others are with us.
///
/// Bounded: of more than ``countMax`` those that would be asked again soonest are forgotten.
struct PeerStanding: Sendable {
    static let countMax = 1024

    enum Offence: String, Sendable, Hashable, CaseIterable {
        /// Bytes that are not those of the digest.
        case lied
        /// No answer, or one that broke off.
        case failed
        /// It has not what it said.
        case absent
        /// It does not believe our certificate, or we not its own.
        case tls
    }

    struct Entry: Sendable, Hashable {
        var until: ContinuousClock.Instant
        var offence: Offence
    }

    private(set) var setAside: [String: Entry] = [:]
    private var running: [String: Int] = [:]

    /// - Parameter origin: a peer's address: a name in the network costs nothing, an address does.
    mutating func note(_ offence: Offence, of origin: String, until: ContinuousClock.Instant) {
        if let known = setAside[origin], known.until > until { return }
        setAside[origin] = Entry(until: until, offence: offence)
        guard setAside.count > Self.countMax, let first = setAside.min(by: { $0.value.until < $1.value.until }) else {
            return
        }
        setAside[first.key] = nil
    }

    mutating func isSetAside(_ origin: String, now: ContinuousClock.Instant) -> Bool {
        guard let entry = setAside[origin] else { return false }
        guard entry.until <= now else { return true }
        setAside[origin] = nil
        return false
    }

    mutating func begin(_ origin: String) { running[origin, default: 0] += 1 }

    mutating func end(_ origin: String) {
        guard let count = running[origin] else { return }
        running[origin] = count > 1 ? count - 1 : nil
    }

    func load(_ origin: String) -> Int { running[origin] ?? 0 }
}
