internal import OCI
internal import PullThroughCache
internal import Rules

/// `GET /v2/_catalog`: repositories by the names under which clients can pull them.
struct CatalogListing: Sendable {
    let content: any ContentSource
    let rules: RuleTable
    /// As the client asked.
    let limit: Int?

    /// On a page whose client did not ask for a number.
    static let limitDefault = 1000
    /// How often the cache is asked for more in place of repositories that cannot be pulled any longer, before the
    /// page ends early.
    private static let roundsMax = 16

    func page(after start: RepositoryKey?) async throws(CacheError) -> Answer {
        let limit = limit ?? Self.limitDefault
        guard limit > 0 else { return Answer(catalog: [], next: nil) }
        var names: [String] = []
        var last = start
        for _ in 0..<Self.roundsMax {
            // One more than wanted, which shows whether there are more.
            let wanted = limit - names.count + 1
            let keys = try await content.repositories(after: last, limit: wanted)
            for key in keys {
                if names.count == limit {
                    return Answer(catalog: names, next: next(after: names))
                }
                last = key
                if let name = rules.clientName(of: key) { names.append(name) }
            }
            guard keys.count >= wanted else { return Answer(catalog: names, next: nil) }
        }
        return Answer(catalog: names, next: names.isEmpty ? nil : next(after: names))
    }

    private func next(after names: [String]) -> String? {
        names.last.map { Pagination.next(path: "/v2/_catalog", limit: limit, last: $0, namespace: nil) }
    }
}

extension RuleTable {
    /// The name by which a client of Weir pulls `key`; nil where its rule is gone, or does not lead there any longer.
    func clientName(of key: RepositoryKey) -> String? {
        guard let rule = self[key.rule] else { return nil }
        var name = key.name.description[...]
        if let prefix = rule.upstreamPrefix {
            guard name.hasPrefix("\(prefix)/") else { return nil }
            name = name.dropFirst(prefix.description.count + 1)
        }
        let written = "\(rule.prefix ?? rule.host?.description ?? rule.name.description)/\(name)"
        // Whether it really leads there: another rule may have the prefix or the host.
        guard let found = try? resolve(written, namespace: nil, authority: nil), found.repository == key else {
            return nil
        }
        return written
    }
}
