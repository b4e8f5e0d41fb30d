package import OCI

/// How likely a tag is to move, read from how it is written.
package enum TagClass: String, Sendable, CaseIterable {
    /// A name without a version, or one that says that it moves: `latest`, `stable`, `main`, `jammy`,
    /// `2019-latest`, `1.2.3-SNAPSHOT`; and cosign's signatures (`sha256-….sig`), to which more may be added.
    case moving
    /// A version that leaves its last part open: `1`, `1.27`, `1.27-alpine3.19`, `v2`, `alpine3.19`, `8-jdk`.
    case minor
    /// A version of three parts or more, a date, or a commit: `1.27.3`, `v1.2.3-rc1`, `20240131`,
    /// `bookworm-20240110`, `sha-3f2c1ab`.
    case exact

    package init(_ tag: Tag) {
        self = Self.classify(tag.description)
    }
}

/// How long a tag's answer may be used without asking the upstream.
package struct FreshnessPolicy: Sendable, Hashable {
    /// A lifetime for tags that match a pattern, in place of their class's.
    package struct Override: Sendable, Hashable {
        /// `*` stands for any run of characters.
        package let pattern: String
        package let lifetime: Duration

        package init(pattern: String, lifetime: Duration) {
            self.pattern = pattern
            self.lifetime = lifetime
        }
    }

    /// For ``TagClass/moving``. Default 5 minutes: at Docker Hub the HEAD that follows is not counted as a pull.
    package var moving: Duration
    /// For ``TagClass/minor``. Default 1 hour.
    package var minor: Duration
    /// For ``TagClass/exact``. Default 24 hours.
    package var exact: Duration
    /// Consulted in order before the class; the first match decides.
    package var overrides: [Override]
    /// How long past its lifetime an answer may still be given at once while it is revalidated behind the client's
    /// back (RFC 5861, section 3). Default zero: a client waits for the HEAD.
    package var staleWhileRevalidate: Duration
    /// How many times its lifetime an answer may be given unasked where nothing is left of the upstream's budget; less
    /// the more is left. 1: no longer than ever. Default 4.
    package var stretch: Int
    /// How long "no such manifest" is remembered. Default 30 seconds, so that an image that was just pushed appears.
    package var negative: Duration

    package init(
        moving: Duration = .seconds(300), minor: Duration = .seconds(3600), exact: Duration = .seconds(86_400),
        overrides: [Override] = [], staleWhileRevalidate: Duration = .zero, stretch: Int = 4,
        negative: Duration = .seconds(30)
    ) {
        self.moving = moving
        self.minor = minor
        self.exact = exact
        self.overrides = overrides
        self.staleWhileRevalidate = staleWhileRevalidate
        self.stretch = stretch
        self.negative = negative
    }

    /// `lifetime` as it is while the upstream's budget is short.
    /// - Parameter urgency: from 0, plenty, to 1, nothing left.
    package func stretched(_ lifetime: Duration, urgency: Double) -> Duration {
        guard urgency > 0, stretch > 1 else { return lifetime }
        // In thousandths, so that a lifetime of decades stays in range.
        let thousandths = Int64(Double(stretch - 1) * min(urgency, 1) * 1000)
        return lifetime + .milliseconds(lifetime.components.seconds * thousandths)
    }

    package func lifetime(of tag: Tag) -> Duration { lifetime(of: tag, in: TagClass(tag)) }

    /// - Parameter tagClass: that of `tag`, for callers who know it already.
    package func lifetime(of tag: Tag, in tagClass: TagClass) -> Duration {
        for override in overrides where matches(tag.description, pattern: override.pattern) {
            return override.lifetime
        }
        return switch tagClass {
        case .moving: moving
        case .minor: minor
        case .exact: exact
        }
    }
}
