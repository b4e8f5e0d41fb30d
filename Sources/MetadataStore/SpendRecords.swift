package import OCI
package import Rules
package import Timekeeping

/// Who caused a pull of an upstream.
package enum Spender: Sendable, Hashable {
    /// What Weir does on its own account.
    package enum Work: String, Sendable, Hashable, CaseIterable {
        /// A tag had moved when it was confirmed behind a client's back.
        case revalidation
        /// `weir warm`.
        case warm
        /// `weir refresh`.
        case refresh
    }

    /// A client by its IP address, by the name that it gives itself, and by the Kubernetes namespace that it pulls for;
    /// nil where these are not known.
    case client(address: String, user: String? = nil, namespace: String? = nil)
    case weir(Work)
    /// Clients beyond those that are told apart.
    case others

    /// Whether a client caused it, and not Weir itself.
    package var isClient: Bool { if case .weir = self { false } else { true } }
}

/// Manifest GETs of an upstream that one spender caused within one hour.
package struct SpendRecord: Sendable, Hashable {
    /// The hour's first moment.
    package var hour: Timestamp
    package var spender: Spender
    package var rule: RuleName
    /// Nil: repositories beyond those that are told apart.
    package var repository: RepositoryName?
    /// A tag, or a digest where no tag is known for it; nil like ``repository``.
    package var reference: String?
    /// GETs that the upstream answered, "there is no such manifest" included: what it counts as pulls.
    package var pulls: Int
    /// GETs that were refused because no pulls were left.
    package var refused: Int

    package init(
        hour: Timestamp, spender: Spender, rule: RuleName, repository: RepositoryName?, reference: String?,
        pulls: Int, refused: Int
    ) {
        self.hour = hour
        self.spender = spender
        self.rule = rule
        self.repository = repository
        self.reference = reference
        self.pulls = pulls
        self.refused = refused
    }
}

/// By what pulls are summed up.
package enum SpendGrouping: String, Sendable, Hashable, CaseIterable {
    case client, repository, rule, tag, hour, namespace
}

/// A sum of ``SpendRecord``s; only what the grouping asks for is set.
package struct SpendSum: Sendable, Hashable {
    package var hour: Timestamp?
    package var spender: Spender?
    /// Of clients, grouped by it; nil: of no namespace that is known.
    package var namespace: String?
    package var rule: RuleName?
    package var repository: RepositoryName?
    package var reference: String?
    package var pulls: Int
    package var refused: Int
    /// The last hour in which there was any.
    package var lastHour: Timestamp

    package init(
        hour: Timestamp? = nil, spender: Spender? = nil, namespace: String? = nil, rule: RuleName? = nil,
        repository: RepositoryName? = nil, reference: String? = nil, pulls: Int, refused: Int, lastHour: Timestamp
    ) {
        self.hour = hour
        self.spender = spender
        self.namespace = namespace
        self.rule = rule
        self.repository = repository
        self.reference = reference
        self.pulls = pulls
        self.refused = refused
        self.lastHour = lastHour
    }
}
