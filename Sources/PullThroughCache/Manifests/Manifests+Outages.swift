internal import HTTPSemantics
internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping
internal import Upstream

/// What is served while the upstream cannot be asked, or its budget does not pay.
extension Manifests {
    /// What is held under the tag, where the rule serves it under these circumstances.
    func stale(
        _ tag: Tag, _ request: ManifestRequest, because error: any Error
    ) async throws -> ManifestAnswer? {
        guard let condition = OutageCondition(error) else { return nil }
        let now = clock.now()
        let found = try await resolver.stored(tag, in: request.repository) { record in
            request.rule.outage.servesStale(under: condition, age: now - record.checkedAt)
        }
        guard let found else { return nil }
        return stale(
            found.manifest, tag, request, age: now - found.record.checkedAt, condition: condition, because: error)
    }

    /// What is held under the tag, where a HEAD would tell of something newer that the budget does not pay for: the
    /// client would ask for that by its digest next, for which nothing can stand in.
    func standIn(
        _ tag: Tag, _ request: ManifestRequest, at upstream: UpstreamHandle
    ) async throws -> ManifestAnswer? {
        guard request.isHead, let refusal = upstream.registry.refusal(of: .update) else { return nil }
        return try await stale(tag, request, because: refusal)
    }

    private func stale(
        _ manifest: CachedManifest, _ tag: Tag, _ request: ManifestRequest, age: Duration,
        condition: OutageCondition, because error: any Error
    ) -> ManifestAnswer {
        let reason = CacheMetrics.OutageLabel(condition)
        metrics.countStale(reason)
        let lifetime = request.rule.freshness.lifetime(of: tag)
        let status = CacheStatus(
            isHit: false, forward: .stale, forwardStatus: (error as? UpstreamError)?.status,
            ttl: (lifetime - age).wholeSeconds,
            detail: reason.rawValue)
        return hit(manifest, request, status, outcome: .stale)
    }
}

extension CacheMetrics.OutageLabel {
    init(_ condition: OutageCondition) {
        switch condition {
        case .unreachable: self = .unreachable
        case .serverError: self = .serverError
        case .rateLimited: self = .rateLimited
        case .unauthorized: self = .unauthorized
        case .notFound: self = .notFound
        }
    }
}
