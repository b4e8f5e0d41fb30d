/// Images whose pulling is to be weighed.
package struct PlanRequest: Codable, Hashable, Sendable {
    package static let referenceLimit = 10_000
    package static let platformLimit = 64

    package var references: [String]
    /// `os/architecture[/variant]`; empty: all.
    package var platforms: [String]
    /// Whether upstreams are asked by HEAD for what is not known for certain.
    package var asksUpstream: Bool

    package init(references: [String], platforms: [String], asksUpstream: Bool) {
        self.references = references
        self.platforms = platforms
        self.asksUpstream = asksUpstream
    }
}

/// What pulling images would take, each by itself and all together.
package struct PlanDocument: Codable, Hashable, Sendable {
    package enum State: String, Codable, Sendable {
        case cached, partly, absent
        /// The upstream has no such image.
        case unknown
        /// Nothing could be found out; ``Image/problem`` says why.
        case failed
    }

    package struct Image: Codable, Hashable, Sendable {
        /// As it was asked for.
        package var reference: String
        package var state: State
        package var rule: String?
        package var repository: String?
        package var digest: String?
        /// Manifest GETs; where ``arePullsExact`` is false, at the most as far as can be foreseen.
        package var pulls = 0
        package var arePullsExact = true
        /// Bytes to be fetched; where ``areBytesKnown`` is false, at the least.
        package var missingBytes: Int64 = 0
        package var storedBytes: Int64 = 0
        package var areBytesKnown = true
        package var problem: String?

        package init(reference: String, state: State, problem: String? = nil) {
            self.reference = reference
            self.state = state
            self.problem = problem
        }
    }

    /// What one rule's upstream is asked for.
    package struct RuleShare: Codable, Hashable, Sendable {
        package var rule: String
        /// The API's address.
        package var upstream: String
        package var pulls: Int
        package var missingBytes: Int64
        /// Accounts that would pay, as they are shown elsewhere; `anonymous` is one.
        package var accounts: [String]
        /// Pulls left now, of all accounts together; nil where no limit is known.
        package var remainingPulls: Int64?
        /// Whether what is left pays for it all.
        package var isAllowed: Bool
        /// Whether what `weir warm` may use of it does: it leaves twice the reserve to clients.
        package var isWarmable: Bool
        /// When more will be left, in milliseconds since 1970; nil where ``isWarmable``, or where nobody said.
        package var recoversAt: Int64?

        package init(rule: String, upstream: String) {
            self.rule = rule
            self.upstream = upstream
            pulls = 0
            missingBytes = 0
            accounts = []
            isAllowed = true
            isWarmable = true
        }
    }

    package var images: [Image]
    package var rules: [RuleShare]
    package var pulls: Int
    package var arePullsExact: Bool
    /// What several images share is counted once.
    package var missingBytes: Int64
    package var areBytesKnown: Bool
    /// Whether every image exists, and what is left pays for all of them now.
    package var isPossible: Bool

    package init(images: [Image], rules: [RuleShare], missingBytes: Int64) {
        self.images = images
        self.rules = rules
        self.missingBytes = missingBytes
        pulls = images.reduce(0) { $0 + $1.pulls }
        arePullsExact = images.allSatisfy(\.arePullsExact)
        areBytesKnown = images.allSatisfy(\.areBytesKnown)
        isPossible = images.allSatisfy { $0.problem == nil } && rules.allSatisfy(\.isAllowed)
    }
}
