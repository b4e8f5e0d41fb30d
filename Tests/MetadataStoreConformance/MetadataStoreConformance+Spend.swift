import MetadataStore
import OCI
import Rules
import Timekeeping

extension MetadataStoreConformance {
    static let spending: [MetadataStoreCheck] = [
        MetadataStoreCheck("pulls of the same hour, spender and reference add up") { store in
            let alice = Spender.client(address: "192.0.2.1", user: "alice")
            try await store.record(spend: [
                try spend(0, alice, "a", "1", 2), try spend(0, alice, "a", "1", 3, refused: 1),
            ])
            try await store.record(spend: [try spend(0, alice, "a", "1", 1)])
            try await store.record(spend: [])
            try expect(
                try await store.spend(by: .tag, since: Samples.moment(0), limit: 9),
                is: [
                    SpendSum(
                        rule: try RuleName("hub"), repository: try RepositoryName("a"), reference: "1", pulls: 6,
                        refused: 1, lastHour: Samples.moment(0))
                ], "the sums")
        },
        MetadataStoreCheck("who spends is summed up by client, repository, rule, tag and hour, the most first") {
            store in
            try await recordMany(in: store)
            let begin = Samples.moment(0)
            let clients = try await store.spend(by: .client, since: begin, limit: 9)
            try expect(
                clients.map(\.spender),
                is: [
                    .client(address: "192.0.2.1", user: nil), .others, .weir(.warm),
                    .client(address: "192.0.2.1", user: "alice"),
                ], "the spenders")
            try expect(clients.map(\.pulls), is: [9, 7, 5, 1], "their pulls")
            try expect(clients.map(\.refused), is: [0, 0, 2, 0], "their refusals")
            try expect(clients.map(\.lastHour), is: [3600, 0, 0, 0].map(Samples.moment), "their last hours")
            let repositories = try await store.spend(by: .repository, since: begin, limit: 9)
            try expect(
                repositories.map { "\($0.rule?.description ?? "")/\($0.repository?.description ?? "-") \($0.pulls)" },
                is: ["hub/a 10", "ghcr/- 7", "hub/b 5"], "the repositories")
            let rules = try await store.spend(by: .rule, since: begin, limit: 9)
            try expect(rules.map(\.rule?.description), is: ["hub", "ghcr"], "the rules")
            try expect(rules.map(\.pulls), is: [15, 7], "pulls by rule")
            let tags = try await store.spend(by: .tag, since: begin, limit: 2)
            try expect(tags.map(\.reference), is: [nil, "2"], "the tags")
            let hours = try await store.spend(by: .hour, since: begin, limit: 9)
            try expect(hours.map(\.hour), is: [0, 3600].map { Samples.moment($0) }, "the hours")
            try expect(hours.map(\.pulls), is: [17, 5], "pulls by hour")
        },
        MetadataStoreCheck("who spends is summed up by namespace, and what Weir does is its own") { store in
            let begin = Samples.moment(0)
            try await store.record(spend: [
                try spend(0, .client(address: "192.0.2.1", namespace: "shop"), "a", "1", 4),
                try spend(0, .client(address: "192.0.2.1", namespace: "web"), "a", "1", 3),
                try spend(0, .client(address: "192.0.2.2", user: "ci", namespace: "shop"), "a", "1", 2, refused: 1),
                try spend(0, .client(address: "192.0.2.2"), "a", "1", 8), try spend(0, .weir(.warm), "a", "1", 1),
                try spend(0, .others, "a", "1", 2),
            ])
            let sums = try await store.spend(by: .namespace, since: begin, limit: 9)
            try expect(sums.map(\.namespace), is: [nil, "shop", "web", nil, nil], "the namespaces")
            try expect(sums.map(\.spender), is: [nil, nil, nil, .others, .weir(.warm)], "the others")
            try expect(sums.map(\.pulls), is: [8, 6, 3, 2, 1], "their pulls")
            try expect(sums.map(\.refused), is: [0, 1, 0, 0, 0], "their refusals")
            let clients = try await store.spend(by: .client, since: begin, limit: 2)
            try expect(
                clients.map(\.spender),
                is: [.client(address: "192.0.2.2"), .client(address: "192.0.2.1", namespace: "shop")], "the clients")
        },
        MetadataStoreCheck("spending is looked at and forgotten by the hour") { store in
            try await recordMany(in: store)
            let later = try await store.spend(by: .rule, since: Samples.moment(1), limit: 9)
            try expect(later.map(\.pulls), is: [5], "what was spent later")
            try await store.removeSpend(before: Samples.moment(0))
            try expect(try await store.spend(by: .rule, since: Samples.moment(0), limit: 9).count, is: 2, "all of it")
            try await store.removeSpend(before: Samples.moment(3600))
            let left = try await store.spend(by: .hour, since: Samples.moment(-9000), limit: 9)
            try expect(left.map(\.hour), is: [Samples.moment(3600)], "the hour that is left")
            try expect(try await store.spend(by: .hour, since: Samples.moment(0), limit: 0), is: [], "nothing")
        },
    ]

    private static func recordMany(in store: any MetadataStore) async throws {
        let plain = Spender.client(address: "192.0.2.1", user: nil)
        try await store.record(spend: [
            try spend(0, plain, "a", "1", 4), try spend(3600, plain, "a", "2", 5),
            try spend(0, .client(address: "192.0.2.1", user: "alice"), "a", "2", 1),
            try spend(0, .weir(.warm), "b", "1", 5, refused: 2), try spend(0, .others, nil, nil, 7, rule: "ghcr"),
        ])
    }

    private static func spend(
        _ second: Int, _ spender: Spender, _ repository: String?, _ reference: String?, _ pulls: Int,
        refused: Int = 0, rule: String = "hub"
    ) throws -> SpendRecord {
        SpendRecord(
            hour: Samples.moment(second), spender: spender, rule: try RuleName(rule),
            repository: try repository.map { try RepositoryName($0) }, reference: reference, pulls: pulls,
            refused: refused)
    }
}
