internal import MetadataStore
internal import Quota
internal import Rules
internal import Timekeeping

extension MetadataStoreConformance {
    private static func record(_ account: String, remaining: Int64, at seconds: Int64) -> QuotaRecord {
        QuotaRecord(
            pair: QuotaPair(AccountName(account), .system), source: "1.2.3.4", limit: 100, remaining: remaining,
            window: .seconds(21_600), windowEndsAt: Timestamp(seconds: seconds + 21_600), blockedUntil: nil,
            observedAt: Timestamp(seconds: seconds))
    }

    static let quotas: [MetadataStoreCheck] = [
        MetadataStoreCheck("what is known of a quota comes back as it was") { store in
            let unlimited = QuotaRecord(
                pair: QuotaPair(AccountName("b"), EgressName("eth1")), source: nil, limit: nil, remaining: 0,
                window: nil, windowEndsAt: nil, blockedUntil: Timestamp(seconds: 9), observedAt: Timestamp(seconds: 5))
            let rule = try RuleName("hub")
            let records = [record("a", remaining: 7, at: 1000), unlimited]
            try await store.put(quotas: [rule: records], forgettingBefore: Timestamp(seconds: 0))
            let kept = try await store.quotas()
            try expect(kept == [rule: records], "\(kept)")
        },
        MetadataStoreCheck("a quota that is heard of again is replaced, and one of long ago forgotten") { store in
            let rule = try RuleName("hub")
            let both = [record("a", remaining: 7, at: 1000), record("b", remaining: 3, at: 2000)]
            try await store.put(quotas: [rule: both], forgettingBefore: Timestamp(seconds: 0))
            let newer = record("b", remaining: 2, at: 3000)
            try await store.put(quotas: [rule: [newer]], forgettingBefore: Timestamp(seconds: 1500))
            let kept = try await store.quotas()
            try expect(kept == [rule: [newer]], "\(kept)")
        },
        MetadataStoreCheck("a thousand accounts by eight addresses come back to the last") { store in
            let rule = try RuleName("hub")
            var records: [QuotaRecord] = []
            for account in 0..<1000 {
                for egress in 0..<8 {
                    var one = record("account-\(1000 + account)", remaining: Int64(account), at: 1000)
                    one.pair.egress = EgressName("10.0.0.\(egress)")
                    records.append(one)
                }
            }
            let begin = ContinuousClock.now
            try await store.put(quotas: [rule: records], forgettingBefore: Timestamp(seconds: 0))
            let kept = try await store.quotas()
            let time = ContinuousClock.now - begin
            try expect(kept == [rule: records], "\(kept[rule]?.count ?? 0) came back")
            try expect(time < .seconds(20), "it took \(time)")
        },
    ]
}
