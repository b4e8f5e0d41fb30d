package import MetadataStore
internal import OCI
internal import Rules
package import Timekeeping

/// What is asked of the books of spent pulls.
package struct SpendQuery: Sendable, Hashable {
    package static let rowLimitMax = 10_000

    package var grouping: SpendGrouping
    /// How far back from now.
    package var since: Duration
    package var rowLimit: Int

    package init(grouping: SpendGrouping, since: Duration, rowLimit: Int) {
        self.grouping = grouping
        self.since = since
        self.rowLimit = rowLimit
    }
}

/// Who spent which pulls of the upstreams. Times are in milliseconds since 1970 (UTC).
package struct SpendDocument: Codable, Hashable, Sendable {
    /// A sum; only what it is grouped by is set.
    package struct Row: Codable, Hashable, Sendable {
        /// A client's IP address.
        package var client: String?
        /// The name that it is known as.
        package var name: String?
        /// The Kubernetes namespace that it pulls for.
        package var namespace: String?
        /// What Weir does itself: `revalidation`, `warm` or `refresh`.
        package var work: String?
        /// True for what is not told apart any further.
        package var isOther: Bool
        package var rule: String?
        package var repository: String?
        /// A tag, or a digest where no tag is known.
        package var reference: String?
        package var hour: Int64?
        package var pulls: Int
        /// Pulls that were refused because none were left.
        package var refused: Int
        package var lastHour: Int64
    }

    package var by: String
    /// The first hour that is looked at.
    package var since: Int64
    package var until: Int64
    /// Everything together, what ``rows`` leave out included.
    package var pulls: Int
    package var refused: Int
    package var rows: [Row]
    /// Whether there are more rows than were asked for.
    package var isCut: Bool

    /// - Parameters:
    ///   - sums: one more than `query` asks for where there are more.
    ///   - totals: the same time's sums by rule.
    package init(_ query: SpendQuery, sums: [SpendSum], totals: [SpendSum], since: Timestamp, until: Timestamp) {
        by = query.grouping.rawValue
        self.since = since.milliseconds
        self.until = until.milliseconds
        pulls = totals.reduce(0) { $0 + $1.pulls }
        refused = totals.reduce(0) { $0 + $1.refused }
        rows = sums.prefix(query.rowLimit).map { Row($0, by: query.grouping) }
        isCut = sums.count > query.rowLimit
    }
}

extension SpendDocument.Row {
    fileprivate init(_ sum: SpendSum, by grouping: SpendGrouping) {
        let isNamed = grouping == .repository || grouping == .tag
        self.init(
            isOther: sum.spender == .others || (isNamed && sum.repository == nil), rule: sum.rule?.description,
            repository: sum.repository?.description, reference: sum.reference, hour: sum.hour?.milliseconds,
            pulls: sum.pulls, refused: sum.refused, lastHour: sum.lastHour.milliseconds)
        switch sum.spender {
        case .client(let address, let user, let namespace): (client, name, self.namespace) = (address, user, namespace)
        case .weir(let work): self.work = work.rawValue
        case .others, nil: namespace = sum.namespace
        }
    }
}
