internal import HTTPSemantics
internal import MetadataStore
internal import NIOCore
internal import OCI
internal import Rules
internal import Upstream

/// Lists of tags and referrers: the upstream's, or what is known here while it is down.
struct Listings: Sendable {
    /// Tags listed from the catalogue where the client names no number.
    private static let pageLimit = 1000

    let catalogue: Catalogue
    let manifests: Manifests
    let upstreams: UpstreamDirectory
    let limitBytes: Int

    func tags(_ request: TagsRequest) async throws -> TagsAnswer {
        let upstream = try upstreams.upstream(of: request.rule.name)
        do {
            let page = try await upstream.ask {
                try await $0.tags(in: request.repository.name, after: request.last, limit: request.limit)
            }
            return TagsAnswer(
                tags: page.tags.sorted(), hasMore: page.hasMore, status: CacheStatus(isHit: false, forward: .bypass))
        } catch let error as UpstreamError {
            guard let condition = OutageCondition(error),
                request.rule.outage.servesStale(under: condition, age: .zero)
            else { throw error == .notFound ? CacheError.nameUnknown : CacheError.upstream(error) }
            let limit = min(request.limit ?? Self.pageLimit, Self.pageLimit)
            // What is no tag has no place among them, and nothing comes after it.
            let last = try request.last.map { (text) throws(CacheError) in
                do { return try Tag(text) } catch { throw CacheError.nameUnknown }
            }
            let tags = try await catalogue.metadata.tags(in: request.repository, after: last, limit: limit + 1)
            guard !tags.isEmpty || last != nil else {
                throw error == .notFound ? CacheError.nameUnknown : CacheError.upstream(error)
            }
            return TagsAnswer(
                tags: Array(tags.prefix(limit)), hasMore: tags.count > limit,
                status: CacheStatus(
                    isHit: false, forward: .stale, forwardStatus: error.status,
                    detail: CacheMetrics.OutageLabel(condition).rawValue))
        }
    }

    /// The upstream's own list; where it has no such API the one under the referrers tag; and where the upstream is
    /// down, or has neither, what is known here.
    func referrers(_ request: ReferrersRequest) async throws -> ReferrersAnswer {
        let upstream = try upstreams.upstream(of: request.rule.name)
        do {
            let received = try await upstream.ask {
                try await $0.referrers(
                    of: request.subject, in: request.repository.name, artifactType: request.artifactType,
                    limitBytes: limitBytes)
            }
            let status = CacheStatus(isHit: false, forward: .bypass)
            guard let artifactType = request.artifactType, !received.isFiltered else {
                return ReferrersAnswer(bytes: received.bytes, isFiltered: request.artifactType != nil, status: status)
            }
            let index = try parse(received.bytes)
            return ReferrersAnswer(bytes: index.filtered(by: artifactType).bytes, isFiltered: true, status: status)
        } catch let error as UpstreamError {
            guard let condition = OutageCondition(error) else { throw error }
            return try await listed(request, under: condition, because: error)
        }
    }

    /// The list under the tag `sha256-…`, with what is known here besides.
    private func listed(
        _ request: ReferrersRequest, under condition: OutageCondition, because error: UpstreamError
    ) async throws -> ReferrersAnswer {
        var index = ReferrersIndex(descriptors: [])
        var status = CacheStatus(isHit: false, forward: .bypass)
        do {
            let answer = try await manifests.answer(
                ManifestRequest(
                    rule: request.rule, repository: request.repository,
                    reference: .tag(Tag(referrersOf: request.subject)),
                    client: request.client))
            if let bytes = answer.bytes { index = try parse(bytes) }
            status = answer.status
        } catch CacheError.manifestUnknown {
            // Neither the API nor the tag: nothing refers to the subject, as far as the upstream knows.
        } catch CacheError.upstream(let error) {
            guard condition != .notFound else { throw CacheError.upstream(error) }
            status.detail = CacheMetrics.OutageLabel(condition).rawValue
        }
        let isListed = status.forward != .bypass || status.isHit
        let known = Set(index.descriptors.map(\.digest))
        index.descriptors += try await catalogue.metadata.referrers(of: request.subject, in: request.repository)
            .filter { !known.contains($0.digest) }
        if condition != .notFound {
            // An empty list would read as "there are no signatures": that nobody said.
            let mayBeStale = request.rule.outage.servesStale(under: condition, age: .zero)
            guard mayBeStale, isListed || !index.descriptors.isEmpty else { throw error }
        }
        if let artifactType = request.artifactType { index = index.filtered(by: artifactType) }
        return ReferrersAnswer(bytes: index.bytes, isFiltered: request.artifactType != nil, status: status)
    }

    private func parse(_ bytes: ByteBuffer) throws -> ReferrersIndex {
        let digest = bytes.withUnsafeReadableBytes { DigestHasher.digest(of: $0) }
        let contents = try Manifest(parsing: bytes.readableBytesView, declared: .ociIndex, digest: digest)
        return ReferrersIndex(descriptors: contents.manifests)
    }
}
