package import Timekeeping

/// Which account may see which repository, as far as pulls have shown. Bounded: what nobody asks for goes first.
package struct RepositoryAccess: Sendable {
    /// How long a refusal is believed: rights are granted any time.
    package static let denialTime = Duration.seconds(600)
    private static let denialsPerRepository = 64

    private struct Entry: Sendable {
        var account: AccountName?
        var denials: [(account: AccountName, until: Timestamp)] = []
    }

    private let capacity: Int
    /// Two generations: when the younger is full the older goes, and what is asked for comes over before.
    private var young: [String: Entry] = [:]
    private var old: [String: Entry] = [:]

    /// - Parameter capacity: repositories remembered at most.
    package init(capacity: Int = 4096) { self.capacity = max(2, capacity) }

    /// Who last pulled from `repository`.
    package mutating func account(for repository: String) -> AccountName? { entry(repository)?.account }

    /// Who was refused there of late.
    package mutating func denied(in repository: String, now: Timestamp) -> Set<AccountName> {
        guard let entry = entry(repository), !entry.denials.isEmpty else { return [] }
        return Set(
            entry.denials.lazy.filter { now < $0.until && $0.until - now <= Self.denialTime }.map(\.account))
    }

    package mutating func noteAccess(of account: AccountName, to repository: String) {
        var entry = entry(repository) ?? Entry()
        guard entry.account != account || entry.denials.contains(where: { $0.account == account }) else { return }
        entry.account = account
        entry.denials.removeAll { $0.account == account }
        put(entry, repository)
    }

    package mutating func noteDenial(of account: AccountName, to repository: String, now: Timestamp) {
        var entry = entry(repository) ?? Entry()
        if entry.account == account { entry.account = nil }
        entry.denials.removeAll { $0.account == account || $0.until <= now }
        if entry.denials.count >= Self.denialsPerRepository { entry.denials.removeFirst() }
        entry.denials.append((account, now + Self.denialTime))
        put(entry, repository)
    }

    private mutating func entry(_ repository: String) -> Entry? {
        if let entry = young[repository] { return entry }
        guard let entry = old.removeValue(forKey: repository) else { return nil }
        put(entry, repository)
        return entry
    }

    private mutating func put(_ entry: Entry, _ repository: String) {
        if young[repository] == nil, young.count >= capacity / 2 {
            old = young
            young = [:]
        }
        young[repository] = entry
    }
}
