package import MetadataStore
package import OCI
package import Rules
package import Timekeeping

extension PullThroughCache {
    /// Who spent which pulls since `moment`, to the hour.
    package func spend(
        by grouping: SpendGrouping, since moment: Timestamp, limit: Int
    ) async throws(CacheError) -> [SpendSum] {
        try await converting {
            await spending.flush()
            // What is too old may not have been removed yet.
            let since = max(moment.hour, spending.firstHour)
            return try await catalogue.metadata.spend(by: grouping, since: since, limit: limit)
        }
    }

    /// A tag of `rule` that something is known of; nil where nothing is.
    package func knownImage(of rule: RuleName) async -> (repository: RepositoryName, reference: ManifestReference)? {
        var last: RepositoryKey?
        for _ in 0..<100 {
            guard let page = try? await catalogue.metadata.repositories(after: last, limit: 1000), !page.isEmpty else {
                return nil
            }
            for repository in page where repository.rule == rule {
                if let tag = try? await catalogue.metadata.tags(in: repository, after: nil, limit: 1).first {
                    return (repository.name, .tag(tag))
                }
            }
            last = page.last
        }
        return nil
    }

    /// What pulling an image would take. Pulls nothing.
    /// - Parameter asksUpstream: whether the upstream is asked by HEAD for what is not known for certain.
    package func plan(
        _ reference: ManifestReference, in repository: RepositoryKey, rule: Rule, platforms: PlatformSelection,
        asksUpstream: Bool
    ) async throws(CacheError) -> PullPlan {
        try await converting {
            try await planner.plan(
                reference, in: repository, rule: rule, platforms: platforms, asksUpstream: asksUpstream)
        }
    }

    /// Pulls an image into the cache; returns what the reference named. May be cancelled, and repeated at no cost.
    /// - Parameter report: called whenever something changed, many times a second.
    /// - Throws: ``CacheError`` or ``WarmingError``.
    package func warm(
        _ reference: ManifestReference, in repository: RepositoryKey, rule: Rule, platforms: PlatformSelection,
        report: @escaping @Sendable (WarmingProgress) -> Void
    ) async throws -> Digest {
        do {
            return try await Warmer(manifests: manifests, blobs: blobs).warm(
                reference, in: repository, rule: rule, platforms: platforms, report: report)
        } catch let error as WarmingError {
            throw error
        } catch {
            throw CacheError(error)
        }
    }
}
