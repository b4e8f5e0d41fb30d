internal import LibP2P

/// Who told us to have what, until the record is 19 minutes old.
///
/// Keys are kept as points and providers as numbers, so that a record takes some 60 bytes: in a small cluster every
/// node holds the records of all. Where a bound is reached, new records are refused and old ones stay: they are
/// renewed by those who are there, and a flood shall not push them out.
package struct ProviderStore: Sendable {
    package struct Limits: Sendable, Hashable {
        /// How long a record counts: Spegel renews every 15 minutes, with a delay of 2 at the most.
        package var lifetime: Duration = .seconds(19 * 60)
        package var records = 400_000
        /// Of one key.
        package var providersPerKey = 256
        /// Of one provider.
        package var keysPerProvider = 50_000
        package var providers = 10_000

        package init() {}
    }

    private struct Record: Sendable {
        let provider: UInt32
        /// Seconds of the clock; rounded down, so that a record never counts too long.
        var expiry: UInt32
    }

    private struct Provider: Sendable {
        var record: PeerRecord
        var recordCount = 0
    }

    private let limits: Limits
    private var records: [KeyspacePoint: [Record]] = [:]
    private var providers: [UInt32: Provider] = [:]
    private var numbers: [PeerID: UInt32] = [:]
    private var lastNumber: UInt32 = 0
    package private(set) var recordCount = 0

    package init(_ limits: Limits = Limits()) { self.limits = limits }

    package var keyCount: Int { records.count }
    package var providerCount: Int { providers.count }

    /// Notes that `provider` has the key at `point`.
    /// - Returns: false where a bound refuses it.
    @discardableResult
    package mutating func add(_ provider: PeerRecord, at point: KeyspacePoint, now: Duration) -> Bool {
        let expiry = UInt32(clamping: (now + limits.lifetime).components.seconds)
        if let number = numbers[provider.peer] {
            providers[number]?.record = provider
            if let index = records[point]?.firstIndex(where: { $0.provider == number }) {
                records[point]?[index].expiry = expiry
                return true
            }
            guard (providers[number]?.recordCount ?? 0) < limits.keysPerProvider else { return false }
        } else {
            guard providers.count < limits.providers else { return false }
        }
        guard recordCount < limits.records, (records[point]?.count ?? 0) < limits.providersPerKey else { return false }
        let number = number(of: provider)
        records[point, default: []].append(Record(provider: number, expiry: expiry))
        providers[number]?.recordCount += 1
        recordCount += 1
        return true
    }

    /// New addresses of one that may have records here.
    package mutating func update(_ provider: PeerRecord) {
        guard let number = numbers[provider.peer] else { return }
        providers[number]?.record = provider
    }

    /// Those who have the key at `point`, in no particular order.
    package func providers(at point: KeyspacePoint, now: Duration) -> [PeerRecord] {
        let seconds = UInt32(clamping: now.components.seconds)
        return (records[point] ?? []).filter { $0.expiry > seconds }.compactMap { record in
            providers[record.provider]?.record
        }
    }

    /// Forgets what does not count any more. To be called every minute or so.
    package mutating func expire(now: Duration) {
        let seconds = UInt32(clamping: now.components.seconds)
        for (point, held) in records where held.contains(where: { $0.expiry <= seconds }) {
            for record in held where record.expiry <= seconds { forget(record.provider) }
            let kept = held.filter { $0.expiry > seconds }
            records[point] = kept.isEmpty ? nil : kept
        }
    }

    private mutating func forget(_ number: UInt32) {
        recordCount -= 1
        guard var provider = providers[number] else { return }
        provider.recordCount -= 1
        if provider.recordCount == 0 {
            providers[number] = nil
            numbers[provider.record.peer] = nil
        } else {
            providers[number] = provider
        }
    }

    private mutating func number(of provider: PeerRecord) -> UInt32 {
        if let number = numbers[provider.peer] { return number }
        repeat { lastNumber &+= 1 } while providers[lastNumber] != nil
        providers[lastNumber] = Provider(record: provider)
        numbers[provider.peer] = lastNumber
        return lastNumber
    }
}
