internal import OCI
package import PullThroughCache
internal import Rules
internal import Timekeeping

/// What a pull of a reference would do.
package struct ExplanationDocument: Codable, Hashable, Sendable {
    package enum Freshness: String, Codable, Sendable { case immutable, fresh, stale, unknown }

    package var rule: String
    package var repository: String
    package var reference: String
    package var upstream: String
    package var digest: String?
    package var isManifestStored: Bool
    package var freshness: Freshness
    /// Until when it is fresh, or since when it is stale, in milliseconds since 1970.
    package var freshnessChangesAt: Int64?
    package var isPinned: Bool
    /// Until when it is leased, since a cluster uses it, in milliseconds since 1970; nil where none does.
    package var leasedUntil: Int64?
    package var blobCount: Int
    package var storedBlobCount: Int
    package var missingBytes: Int64
    package var upstreamCalls: [String]
    package var pullCost: Int
    /// By which account and address; nil where the rule is gone.
    package var choice: QuotaChoiceDocument?

    package init(_ explanation: Explanation, upstream: String) {
        rule = explanation.rule.description
        repository = explanation.repository.name.description
        reference = explanation.reference.description
        self.upstream = upstream
        digest = explanation.digest?.description
        isManifestStored = explanation.isManifestStored
        switch explanation.freshness {
        case .immutable: freshness = .immutable
        case .fresh(let moment): (freshness, freshnessChangesAt) = (.fresh, moment.milliseconds)
        case .stale(let moment): (freshness, freshnessChangesAt) = (.stale, moment.milliseconds)
        case .unknown: freshness = .unknown
        }
        isPinned = explanation.isPinned
        leasedUntil = explanation.leasedUntil?.milliseconds
        blobCount = explanation.blobCount
        storedBlobCount = explanation.storedBlobCount
        missingBytes = explanation.missingBytes
        upstreamCalls = explanation.upstreamCalls
        pullCost = explanation.pullCost
    }
}

/// What a forced revalidation found.
package struct RefreshDocument: Codable, Hashable, Sendable {
    package var rule: String
    package var repository: String
    package var reference: String
    /// What the reference named before; nil where that was unknown.
    package var before: String?
    package var after: String
    /// How the answer came about, as `Cache-Status` says it.
    package var cacheStatus: String
    /// Whether the upstream said so just now, or the reference is a digest; false where what is cached stands in.
    package var isConfirmed: Bool
    /// Why it is not confirmed, in words; nil where it is.
    package var reason: String?

    package var isChanged: Bool { before != after }

    package init(
        rule: String, repository: String, reference: String, before: String?, after: String, cacheStatus: String,
        isConfirmed: Bool, reason: String? = nil
    ) {
        self.rule = rule
        self.repository = repository
        self.reference = reference
        self.before = before
        self.after = after
        self.cacheStatus = cacheStatus
        self.isConfirmed = isConfirmed
        self.reason = reason
    }
}

/// A reference that is kept whatever its last pull.
package struct PinDocument: Codable, Hashable, Sendable {
    package var rule: String
    package var repository: String
    package var reference: String

    package init(rule: String, repository: String, reference: String) {
        self.rule = rule
        self.repository = repository
        self.reference = reference
    }
}

/// What a collection or an eviction removed, or would remove.
package struct CollectionDocument: Codable, Hashable, Sendable {
    package struct Image: Codable, Hashable, Sendable {
        package var rule: String
        package var repository: String
        package var tags: [String]
        package var digest: String
        package var lastPulledAt: Int64
    }

    package var isDryRun: Bool
    package var images: [Image]
    package var blobCount: Int
    package var freedBytes: Int64
    package var storedBytesBefore: Int64
    package var limitBytes: Int64?

    package init(_ report: CollectionReport) {
        isDryRun = report.isDryRun
        images = report.images.map { image in
            Image(
                rule: image.repository.rule.description, repository: image.repository.name.description,
                tags: image.tags.map(\.description), digest: image.digest.description,
                lastPulledAt: image.lastPulledAt.milliseconds)
        }
        blobCount = report.blobCount
        freedBytes = report.freedBytes
        storedBytesBefore = report.storedBytesBefore
        limitBytes = report.limitBytes
    }
}

/// What a reload brought into effect.
package struct ReloadDocument: Codable, Hashable, Sendable {
    /// Settings that changed in the file, and wait for a restart.
    package var needsRestart: [String]
    package var warnings: [String]

    package init(needsRestart: [String], warnings: [String]) {
        self.needsRestart = needsRestart
        self.warnings = warnings
    }
}

/// The answer to a request that failed.
package struct ErrorDocument: Codable, Hashable, Sendable {
    package struct Detail: Codable, Hashable, Sendable {
        /// One of ``ControlError/Kind``'s names; nil where the server itself refused the request.
        package var code: String?
        package var message: String

        package init(code: String?, message: String) {
            self.code = code
            self.message = message
        }
    }

    package var error: Detail

    package init(_ error: ControlError) { self.error = Detail(code: error.kind.rawValue, message: error.message) }
}
