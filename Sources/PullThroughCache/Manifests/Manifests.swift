internal import BlobStore
internal import HTTPSemantics
internal import MetadataStore
internal import NIOCore
internal import OCI
internal import Rules
internal import Timekeeping
internal import Upstream

/// Answers for manifests: from memory, from the store, from the upstream, or under the outage contract.
struct Manifests: Sendable {
    let catalogue: Catalogue
    let keeper: ManifestKeeper
    let resolver: ManifestResolver
    let upstreams: UpstreamDirectory
    let ledger: PullLedger
    let fetchAhead: FetchAhead
    let metrics: CacheMetrics
    let clock: any WallClock

    // MARK: From memory

    func inMemory(_ request: ManifestRequest) -> ManifestAnswer? {
        guard !request.isForced else { return nil }
        switch request.reference {
        case .digest(let digest):
            guard let manifest = catalogue.manifestInMemory(digest, in: request.repository) else { return nil }
            return hit(manifest, request, CacheStatus(isHit: true))
        case .tag(let tag):
            guard let known = catalogue.knownTag(tag, in: request.repository) else { return nil }
            let age = clock.now() - known.record.checkedAt
            let lifetime = request.rule.freshness.lifetime(of: tag, in: known.tagClass)
            guard age >= .zero, age < lifetime,
                let manifest = catalogue.manifestInMemory(known.record.digest, in: request.repository)
            else { return nil }
            return hit(manifest, request, CacheStatus(isHit: true, ttl: (lifetime - age).wholeSeconds))
        }
    }

    func answer(_ request: ManifestRequest) async throws -> ManifestAnswer {
        do {
            let answer: ManifestAnswer
            switch request.reference {
            case .digest(let digest): answer = try await self.answer(digest, request)
            case .tag(let tag): answer = try await self.answer(tag, request)
            }
            // Not for answers from memory: those were served before, and what they name with them.
            if !request.isHead, let bytes = answer.bytes {
                fetchAhead.note(
                    CachedManifest(digest: answer.digest, mediaType: answer.mediaType, bytes: bytes),
                    in: request.repository, from: try upstreams.upstream(of: request.rule.name))
            }
            return answer
        } catch {
            metrics.count(.manifest, (error as? CacheError) == .manifestUnknown ? .negative : .error)
            throw error
        }
    }

    // MARK: By digest

    /// A digest is for ever: what is held is never asked about again.
    private func answer(_ digest: Digest, _ request: ManifestRequest) async throws -> ManifestAnswer {
        let holding = try await keeper.holding(of: digest, in: request.repository)
        if case .held(let manifest) = holding { return hit(manifest, request, CacheStatus(isHit: true)) }
        try await refuseIfAbsent(request)
        let upstream = try upstreams.upstream(of: request.rule.name)
        let isHeldElsewhere: Bool =
            if case .notKnown = holding { try await keeper.store.open(digest) != nil } else { false }
        let question = ManifestResolver.Question(
            repository: request.repository, reference: request.reference, isHead: request.isHead,
            confirmsFirst: isHeldElsewhere)
        do {
            let (resolution, isCollapsed) = try await resolver.resolve(
                question, for: request.client.spender, at: upstream)
            return try fetched(resolution, request, forward: .uriMiss, isCollapsed: isCollapsed)
        } catch let error as UpstreamError {
            throw refusal(error, request)
        }
    }

    // MARK: By tag

    private func answer(_ tag: Tag, _ request: ManifestRequest) async throws -> ManifestAnswer {
        let upstream = try upstreams.upstream(of: request.rule.name)
        let found = try await catalogue.taggedManifest(tag, in: request.repository)
        let record = found?.tag
        let decision = TagDecision(
            tag: tag, rule: request.rule, checkedAt: record?.checkedAt,
            absentUntil: try await absence(of: request, unlessFresh: record),
            now: clock.now(), isForced: request.isForced, pausedBy: upstream.pausedBy,
            urgency: upstream.registry.urgency)
        if let found, let answer = try await answer(from: found, decision, request, at: upstream) { return answer }
        if case .absent = decision {
            if let answer = try await stale(tag, request, because: UpstreamError.notFound) { return answer }
            throw CacheError.manifestUnknown
        }
        do {
            let (resolution, isCollapsed) = try await resolver.resolve(
                question(request, confirmsFirst: record != nil), for: request.client.spender, seen: record, at: upstream
            )
            if resolution.manifest == nil, let answer = try await standIn(tag, request, at: upstream) { return answer }
            let forward: CacheStatus.Forward =
                record == nil ? .uriMiss : request.isForced ? .request : .stale
            return try fetched(resolution, request, forward: forward, isCollapsed: isCollapsed)
        } catch {
            if let answer = try await stale(tag, request, because: error) { return answer }
            guard let error = error as? UpstreamError else { throw error }
            if error == .notFound { try await catalogue.expire(tag, in: request.repository) }
            throw refusal(error, request)
        }
    }

    /// Until when the tag is known to be absent. Not asked for where something confirmed is fresh: an absence that the
    /// upstream says makes what is known stale (``Catalogue/expire(_:in:)``), so it was said earlier.
    private func absence(of request: ManifestRequest, unlessFresh record: TagRecord?) async throws -> Timestamp? {
        if let record, clock.now() - record.checkedAt < request.rule.freshness.lifetime(of: record.tag) { return nil }
        return try await catalogue.absence(of: request.reference, in: request.repository)
    }

    /// An answer that needs no word of the upstream on what the tag names; nil where it does.
    private func answer(
        from found: TaggedManifest, _ decision: TagDecision, _ request: ManifestRequest, at upstream: UpstreamHandle
    ) async throws -> ManifestAnswer? {
        let record = found.tag
        switch decision {
        case .fresh(let ttl):
            if let answer = try await known(
                found, request, CacheStatus(isHit: true, ttl: ttl.wholeSeconds), at: upstream)
            {
                return answer
            }
            return try await fetch(record, request, at: upstream)
        case .staleWhileRevalidating(let staleness):
            let status = CacheStatus(isHit: true, ttl: -staleness.wholeSeconds, detail: "revalidating")
            guard let answer = try await known(found, request, status, at: upstream) else { return nil }
            resolver.start(question(request, confirmsFirst: true), at: upstream) {
                guard !request.rule.outage.servesStale(under: .notFound, age: clock.now() - record.checkedAt) else {
                    return
                }
                try await catalogue.expire(record.tag, in: request.repository)
                _ = refusal(.notFound, request)
            }
            metrics.countStale(.revalidating)
            return answer
        case .staleWhilePaused(let staleness):
            let status = CacheStatus(
                isHit: true, ttl: -staleness.wholeSeconds, detail: CacheMetrics.OutageLabel.paused.rawValue)
            guard let answer = try await known(found, request, status, at: upstream, outcome: .stale) else {
                return nil
            }
            metrics.countStale(.paused)
            return answer
        case .postponed(let staleness):
            let status = CacheStatus(
                isHit: true, ttl: -staleness.wholeSeconds, detail: CacheMetrics.OutageLabel.postponed.rawValue)
            guard let answer = try await known(found, request, status, at: upstream, outcome: .stale) else {
                return nil
            }
            metrics.countStale(.postponed)
            return answer
        case .revalidate, .resolve, .absent: return nil
        }
    }

    private func question(_ request: ManifestRequest, confirmsFirst: Bool) -> ManifestResolver.Question {
        ManifestResolver.Question(
            repository: request.repository, reference: request.reference, isHead: request.isHead,
            confirmsFirst: confirmsFirst)
    }

    /// An answer from what is held of `record`; nil where a GET asks for bytes that are not here.
    private func known(
        _ found: TaggedManifest, _ request: ManifestRequest, _ status: CacheStatus, at upstream: UpstreamHandle,
        outcome: CacheMetrics.Outcome = .hit
    ) async throws -> ManifestAnswer? {
        let record = found.tag
        if case .held(let manifest) = try await keeper.holding(
            of: record.digest, in: request.repository, known: found.manifest)
        {
            return hit(manifest, request, status, outcome: outcome)
        }
        guard request.isHead, let mediaType = record.mediaType, let size = record.size else { return nil }
        if let older = try await standIn(record.tag, request, at: upstream) { return older }
        metrics.count(.manifest, outcome)
        return ManifestAnswer(digest: record.digest, mediaType: mediaType, size: size, bytes: nil, status: status)
    }

    /// Fetches the manifest that a tag is known to name; nil where the upstream has it no longer, so that the tag
    /// must have moved.
    private func fetch(
        _ record: TagRecord, _ request: ManifestRequest, at upstream: UpstreamHandle
    ) async throws -> ManifestAnswer? {
        let question = ManifestResolver.Question(
            repository: request.repository, reference: .digest(record.digest), isHead: request.isHead,
            confirmsFirst: false)
        do {
            let (resolution, isCollapsed) = try await resolver.resolve(
                question, askedBy: request.reference, for: request.client.spender, at: upstream)
            return try fetched(resolution, request, forward: .miss, isCollapsed: isCollapsed)
        } catch UpstreamError.notFound {
            return nil
        } catch {
            if let answer = try await stale(record.tag, request, because: error) { return answer }
            throw error
        }
    }

    // MARK: Refusals

    private func refuseIfAbsent(_ request: ManifestRequest) async throws {
        guard !request.isForced,
            let until = try await catalogue.absence(of: request.reference, in: request.repository), clock.now() < until
        else { return }
        throw CacheError.manifestUnknown
    }

    /// The client's error, and what is remembered of it.
    private func refusal(_ error: UpstreamError, _ request: ManifestRequest) -> CacheError {
        guard error == .notFound else { return .upstream(error) }
        catalogue.noteAbsence(
            of: request.reference, in: request.repository, until: clock.now() + request.rule.freshness.negative)
        return .manifestUnknown
    }

    // MARK: Answers

    func hit(
        _ manifest: CachedManifest, _ request: ManifestRequest, _ status: CacheStatus,
        outcome: CacheMetrics.Outcome = .hit
    ) -> ManifestAnswer {
        metrics.count(.manifest, outcome)
        if !request.isHead { ledger.record(manifest.digest, in: request.repository, as: .manifest) }
        return ManifestAnswer(
            digest: manifest.digest, mediaType: manifest.mediaType, size: Int64(manifest.bytes.readableBytes),
            bytes: manifest.bytes, status: status)
    }

    private func fetched(
        _ resolution: ManifestResolver.Resolution, _ request: ManifestRequest, forward: CacheStatus.Forward,
        isCollapsed: Bool
    ) throws -> ManifestAnswer {
        metrics.count(
            .manifest, isCollapsed ? .collapsed : resolution.wasConfirmed && forward == .stale ? .revalidated : .miss)
        if !request.isHead {
            guard resolution.manifest != nil else { throw CacheError.manifestUnknown }
            ledger.record(resolution.digest, in: request.repository, as: .manifest)
        }
        guard let mediaType = resolution.manifest?.mediaType ?? resolution.mediaType else {
            throw CacheError.upstream(.malformedAnswer(reason: "a manifest came without a media type"))
        }
        let ttl: Int64? =
            if case .tag(let tag) = request.reference {
                request.rule.freshness.lifetime(of: tag).wholeSeconds
            } else {
                nil
            }
        return ManifestAnswer(
            digest: resolution.digest, mediaType: mediaType, size: resolution.size,
            bytes: resolution.manifest?.bytes,
            status: CacheStatus(
                isHit: false, forward: forward, ttl: ttl,
                isStored: resolution.manifest != nil && !resolution.wasConfirmed, isCollapsed: isCollapsed))
    }
}

extension ManifestRequest {
    /// Whether the client asked for revalidation, and may.
    var isForced: Bool { requiresRevalidation && client.mayRefresh }
}

extension UpstreamError {
    /// The upstream's status, where it gave one that tells.
    var status: Int? {
        switch self {
        case .notFound: 404
        case .unauthorized(let status), .serverError(let status, _), .unexpectedStatus(let status): status
        case .rateLimited, .budgetSpent: 429
        case .unreachable, .timedOut, .malformedAnswer, .truncated, .tooLarge, .redirectRefused, .realmRefused,
            .tokenEndpoint, .credentialsUnavailable, .cancelled:
            nil
        }
    }
}
