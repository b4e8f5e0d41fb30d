internal import BlobStore
internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping
internal import Upstream

/// Tells what pulling an image would take. Pulls nothing; asks the upstream by HEAD at most, which costs no pull.
struct Planner: Sendable {
    let catalogue: Catalogue
    let keeper: ManifestKeeper
    let store: any BlobStore
    let upstreams: UpstreamDirectory
    let clock: any WallClock

    private struct Named {
        var digest: Digest
        var mediaType: MediaType?
    }

    /// - Parameter asksUpstream: whether what is not known for certain is asked for. Otherwise a tag is taken to name
    ///   what it did.
    func plan(
        _ reference: ManifestReference, in repository: RepositoryKey, rule: Rule, platforms: PlatformSelection,
        asksUpstream: Bool
    ) async throws -> PullPlan {
        var plan = PullPlan(repository: repository, reference: reference)
        guard
            let named = try await named(
                reference, in: repository, rule: rule, platforms: platforms, asksUpstream: asksUpstream, &plan)
        else { return plan }
        plan.digest = named.digest
        guard case .held(let manifest) = try await keeper.holding(of: named.digest, in: repository) else {
            plan.expectManifest(mediaType: named.mediaType, platforms)
            return plan
        }
        let contents = try manifest.contents()
        var isAnythingHeld = false
        if contents.manifests.isEmpty {
            isAnythingHeld = try await add(blobsOf: contents, to: &plan)
        } else {
            plan.absentPlatforms = platforms.absent(from: contents)
            for child in platforms.children(of: contents) {
                if try await add(child: child, in: repository, to: &plan) { isAnythingHeld = true }
            }
        }
        let isComplete = plan.pulls == 0 && plan.missing.isEmpty
        plan.holding = isComplete ? .cached : isAnythingHeld ? .partly : .absent
        return plan
    }

    /// What the reference names; nil where that is not known, which is noted in `plan`.
    private func named(
        _ reference: ManifestReference, in repository: RepositoryKey, rule: Rule, platforms: PlatformSelection,
        asksUpstream: Bool, _ plan: inout PullPlan
    ) async throws -> Named? {
        let record: TagRecord?
        switch reference {
        case .digest(let digest):
            if case .held = try await keeper.holding(of: digest, in: repository) { return Named(digest: digest) }
            guard asksUpstream else { return Named(digest: digest) }
            record = nil
        case .tag(let tag):
            record = try await catalogue.tag(tag, in: repository)
            if let record, record.isFresh(at: clock.now(), rule) || !asksUpstream {
                return Named(digest: record.digest, mediaType: record.mediaType)
            }
        }
        let now = clock.now()
        if let until = try await catalogue.absence(of: reference, in: repository), now < until {
            plan.holding = .unknown
            return nil
        }
        guard asksUpstream else {
            plan.expectManifest(mediaType: nil, platforms)
            return nil
        }
        do {
            let resolved = try await upstreams.upstream(of: rule.name).ask {
                try await $0.resolve(reference, in: repository.name)
            }
            let known: Digest? = if case .digest(let digest) = reference { digest } else { resolved.digest }
            guard let digest = known ?? record?.digest else {
                plan.expectManifest(mediaType: resolved.mediaType, platforms)
                return nil
            }
            return Named(digest: digest, mediaType: resolved.mediaType)
        } catch UpstreamError.notFound {
            plan.holding = .unknown
            return nil
        }
    }

    private func add(child: Descriptor, in repository: RepositoryKey, to plan: inout PullPlan) async throws -> Bool {
        guard case .held(let manifest) = try await keeper.holding(of: child.digest, in: repository) else {
            plan.pulls += 1
            plan.areBytesKnown = false
            return false
        }
        return try await add(blobsOf: try manifest.contents(), to: &plan)
    }

    /// - Returns: whether any of it is here, its manifest included.
    private func add(blobsOf contents: Manifest, to plan: inout PullPlan) async throws -> Bool {
        let held = try await HeldBlobs(of: contents, in: store)
        for blob in held.missing { plan.missing[blob.digest] = blob.size }
        plan.storedBytes += held.stored.reduce(0) { $0 + $1.size }
        return true
    }
}

extension PullPlan {
    /// A manifest has to be pulled of which no more is known than its media type, if that.
    fileprivate mutating func expectManifest(mediaType: MediaType?, _ platforms: PlatformSelection) {
        areBytesKnown = false
        pulls += 1
        if let mediaType, !mediaType.isIndex { return }
        pulls += platforms.expectedCount
        arePullsExact = mediaType != nil && platforms != .all
    }
}
