internal import BlobStore
internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping
internal import Upstream

/// Tells what a pull would do, by the same decisions that a pull takes, and does none of it.
struct Explainer: Sendable {
    let catalogue: Catalogue
    let keeper: ManifestKeeper
    let store: any BlobStore
    let upstreams: UpstreamDirectory
    let clock: any WallClock

    func explain(
        _ reference: ManifestReference, in repository: RepositoryKey, rule: Rule
    ) async throws -> Explanation {
        await catalogue.writer.flush()
        var explanation = Explanation(
            rule: rule.name, repository: repository, reference: reference, digest: nil, isManifestStored: false,
            freshness: .unknown, isPinned: try await isPinned(reference, in: repository), blobCount: 0,
            storedBlobCount: 0, missingBytes: 0, upstreamCalls: [], pullCost: 0)
        switch reference {
        case .digest(let digest):
            explanation.digest = digest
            explanation.freshness = .immutable
        case .tag(let tag): try await explain(tag, in: repository, rule: rule, into: &explanation)
        }
        explanation.leasedUntil = try await leaseEnd(of: reference, explanation.digest, in: repository)
        guard let digest = explanation.digest else { return explanation }
        guard case .held(let manifest) = try await keeper.holding(of: digest, in: repository) else {
            explanation.addPull("GET manifests/\(digest)")
            return explanation
        }
        explanation.isManifestStored = true
        try await addContents(of: manifest, in: repository, to: &explanation)
        return explanation
    }

    private func explain(
        _ tag: Tag, in repository: RepositoryKey, rule: Rule, into explanation: inout Explanation
    ) async throws {
        let record = try await catalogue.tag(tag, in: repository)
        let now = clock.now()
        let decision = TagDecision(
            tag: tag, rule: rule, checkedAt: record?.checkedAt,
            absentUntil: try await catalogue.absence(of: .tag(tag), in: repository), now: now, isForced: false,
            pausedBy: try? upstreams.upstream(of: rule.name).pausedBy,
            urgency: (try? upstreams.upstream(of: rule.name).registry.urgency) ?? 0)
        explanation.digest = record?.digest
        switch decision {
        case .fresh(let ttl): explanation.freshness = .fresh(until: now + ttl)
        case .absent: explanation.digest = nil
        case .staleWhilePaused(let staleness), .postponed(let staleness):
            explanation.freshness = .stale(since: now - staleness)
        case .staleWhileRevalidating(let staleness):
            explanation.freshness = .stale(since: now - staleness)
            explanation.upstreamCalls.append("HEAD manifests/\(tag)")
        case .revalidate:
            let checkedAt = record?.checkedAt ?? now
            explanation.freshness = .stale(since: checkedAt + rule.freshness.lifetime(of: tag))
            explanation.upstreamCalls.append("HEAD manifests/\(tag)")
        case .resolve: explanation.addPull("GET manifests/\(tag)")
        }
    }

    private func addContents(
        of manifest: CachedManifest, in repository: RepositoryKey, to explanation: inout Explanation
    ) async throws {
        let contents = try manifest.contents()
        try await addBlobs(of: contents, to: &explanation)
        guard !contents.manifests.isEmpty else { return }
        var storedChildren = 0
        for child in contents.manifests {
            guard case .held(let held) = try await keeper.holding(of: child.digest, in: repository) else { continue }
            storedChildren += 1
            try await addBlobs(of: try held.contents(), to: &explanation)
        }
        if storedChildren == 0 { explanation.addPull("GET manifests/<one platform's digest>") }
    }

    private func addBlobs(of contents: Manifest, to explanation: inout Explanation) async throws {
        let held = try await HeldBlobs(of: contents, in: store)
        explanation.blobCount += held.stored.count + held.missing.count
        explanation.storedBlobCount += held.stored.count
        explanation.missingBytes += held.missingBytes
        explanation.upstreamCalls += held.missing.map { "GET blobs/\($0.digest)" }
    }

    private func leaseEnd(
        of reference: ManifestReference, _ digest: Digest?, in repository: RepositoryKey
    ) async throws -> Timestamp? {
        try await catalogue.metadata.leases(in: repository).filter { lease in
            lease.reference == reference || digest.map { lease.reference == .digest($0) } ?? false
        }.map(\.expiresAt).max()
    }

    private func isPinned(_ reference: ManifestReference, in repository: RepositoryKey) async throws -> Bool {
        try await catalogue.metadata.pins().contains { $0.repository == repository && $0.reference == reference }
    }
}

extension Explanation {
    fileprivate mutating func addPull(_ call: String) {
        upstreamCalls.append(call)
        pullCost += 1
    }
}
