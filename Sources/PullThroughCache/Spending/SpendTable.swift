internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping

/// What was spent since it was last written down, within bounds: clients, repositories and tags may be any number,
/// and some of them are made up by whoever asks.
///
/// In each hour the first ``keyLimit`` combinations are told apart. Beyond that a spender already known in this hour
/// keeps its name and loses the repository, up to as many again; and the rest is the rule's, with nobody's name. So
/// sums by rule are always right, and an hour takes at most `2 × keyLimit + rules` rows.
struct SpendTable: Sendable {
    struct Key: Sendable, Hashable {
        var hour: Timestamp
        var spender: Spender
        var rule: RuleName
        var repository: RepositoryName?
        var reference: String?
    }

    private struct Counts: Sendable {
        var pulls = 0
        var refused = 0
    }

    static let keyLimit = 2048

    private let keyLimit: Int
    private var hour: Timestamp?
    /// Combinations that were told apart in ``hour``, written down or not.
    private var known: Set<Key> = []
    private var spenders: Set<Spender> = []
    private var unwritten: [Key: Counts] = [:]
    /// Pulls that nobody will hear of, because the catalogue could not be written for hours.
    private(set) var lostCount = 0

    init(keyLimit: Int = Self.keyLimit) { self.keyLimit = keyLimit }

    var isEmpty: Bool { unwritten.isEmpty }

    /// - Returns: whether an hour began with it.
    @discardableResult
    mutating func add(
        _ spender: Spender, _ repository: RepositoryKey, reference: String, pulls: Int, refused: Int, at now: Timestamp
    ) -> Bool {
        let current = now.hour
        let isNewHour = hour != current
        if isNewHour {
            hour = current
            known.removeAll(keepingCapacity: true)
            spenders.removeAll(keepingCapacity: true)
        }
        let key = admitted(
            Key(
                hour: current, spender: spender, rule: repository.rule, repository: repository.name,
                reference: reference))
        put(key, Counts(pulls: pulls, refused: refused))
        return isNewHour
    }

    private mutating func admitted(_ key: Key) -> Key {
        if known.contains(key) { return key }
        if known.count < keyLimit {
            known.insert(key)
            spenders.insert(key.spender)
            return key
        }
        var wider = key
        (wider.repository, wider.reference) = (nil, nil)
        if known.contains(wider) { return wider }
        if spenders.contains(key.spender), known.count < 2 * keyLimit {
            known.insert(wider)
            return wider
        }
        wider.spender = .others
        return wider
    }

    /// What has to be written down; from now on it counts as written.
    mutating func take() -> [SpendRecord] {
        defer { unwritten.removeAll(keepingCapacity: unwritten.count < 256) }
        return unwritten.map { key, counts in
            SpendRecord(
                hour: key.hour, spender: key.spender, rule: key.rule, repository: key.repository,
                reference: key.reference, pulls: counts.pulls, refused: counts.refused)
        }
    }

    /// Takes back what could not be written.
    mutating func putBack(_ records: [SpendRecord]) {
        for record in records {
            put(
                Key(
                    hour: record.hour, spender: record.spender, rule: record.rule, repository: record.repository,
                    reference: record.reference), Counts(pulls: record.pulls, refused: record.refused))
        }
    }

    private mutating func put(_ key: Key, _ counts: Counts) {
        // Two hours' worth: more piles up only where the catalogue takes nothing.
        guard unwritten[key] != nil || unwritten.count < 5 * keyLimit else {
            lostCount += counts.pulls
            return
        }
        unwritten[key, default: Counts()].pulls += counts.pulls
        unwritten[key, default: Counts()].refused += counts.refused
    }
}

extension Timestamp {
    /// The first moment of its hour.
    var hour: Timestamp {
        let past = milliseconds % 3_600_000
        return Timestamp(milliseconds: milliseconds - (past < 0 ? past + 3_600_000 : past))
    }
}
