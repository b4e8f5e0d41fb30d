internal import AsyncHTTPClient
internal import BlobStore
internal import HTTPFailures
package import Logging
internal import NIOCore
package import NodeContent
package import OCI
package import PeerGrants
package import PeerRouting
internal import PullThroughCache

/// A node's registry: what is here, else what peers have, else what the central cache has.
package final class PeerRegistry: NodeRegistry {
    let configuration: PeerRegistryConfiguration
    let content: any NodeContent
    let routing: any PeerRouting
    let filter: RegistryFilter
    let advertiser: Advertiser
    /// Nil gives everything to everybody, as Spegel does.
    let grants: PeerGrants?
    let fetcher: PeerFetcher
    let metrics: NodeMetrics
    let logger: Logger

    /// - Parameters:
    ///   - peerClient: with the certificates that peers want, and a read timeout of
    ///     ``PeerRegistryConfiguration/stallTimeout``; it must follow no redirects and decompress nothing.
    ///   - centralClient: the same for the central cache.
    ///   - grants: who may have what is private; nil asks nobody for a grant.
    package init(
        configuration: PeerRegistryConfiguration, content: any NodeContent, routing: any PeerRouting,
        filter: RegistryFilter, advertiser: Advertiser, peerClient: PeerHTTPClient, centralClient: PeerHTTPClient,
        grants: PeerGrants? = nil, metrics: NodeMetrics, logger: Logger
    ) {
        self.configuration = configuration
        self.content = content
        self.routing = routing
        self.filter = filter
        self.advertiser = advertiser
        self.grants = grants
        self.metrics = metrics
        self.logger = logger
        fetcher = PeerFetcher(
            configuration: configuration,
            searches: PeerSearches(
                routing: routing, limit: configuration.lookupLimit, lifetime: configuration.searchLifetime,
                observe: { metrics.record(lookup: $0) }),
            peers: PeerClient(client: peerClient, authorization: configuration.authorization, grants: grants),
            central: PeerClient(client: centralClient, authorization: nil), metrics: metrics, logger: logger)
    }

    package var isReady: Bool { routing.isReady && advertiser.isFollowing }

    // MARK: Blobs

    package func blob(_ digest: Digest, _ request: NodeRequest) async throws(NodeRegistryError) -> NodeBlob {
        guard filter.allows(request.registry, request.repository) else { throw .hidden }
        if let reader = try await content(digest, for: request) {
            if request.isMirrored { try judge(advertiser.places(of: digest), request) }
            metrics.record("blob", from: .local, registry: request.registry)
            return NodeBlob(
                digest: digest, size: reader.size,
                content: request.isHead ? nil : LocalBlob(reader: reader, size: reader.size), origin: .local)
        }
        guard !request.isMirrored else { throw .notFound }
        let question = question(.blobs, .digest(digest), request)
        guard let response = await fetcher.open(question, key: RoutingKey(digest), excluding: []) else {
            metrics.record("blob", from: .none, registry: request.registry)
            throw .notFound
        }
        // Nothing is read of an empty blob, and so nothing verified.
        guard response.head.size > 0 || digest == DigestHasher(digest.algorithm).finalize() else {
            fetcher.note(.wrongBytes, of: response.source)
            throw .notFound
        }
        let origin: NodeMetrics.Origin = response.source.kind == .peer ? .peer : .central
        metrics.record("blob", from: origin, registry: request.registry)
        return NodeBlob(
            digest: digest, size: response.head.size,
            content: request.isHead ? nil : PeerBlob(response, question: question, fetcher: fetcher), origin: origin)
    }

    // MARK: Manifests

    package func manifest(
        _ reference: ManifestReference, _ request: NodeRequest
    ) async throws(NodeRegistryError) -> NodeManifest {
        let manifest: NodeManifest?
        switch reference {
        case .digest(let digest):
            guard filter.allows(request.registry, request.repository) else { throw .hidden }
            if let local = try await local(digest, request) {
                if request.isMirrored { try judge(advertiser.places(of: digest), request) }
                manifest = local
            } else {
                manifest = request.isMirrored ? nil : await remote(digest, request)
            }
        case .tag(let tag): manifest = try await resolve(tag, request)
        }
        if !request.isMirrored || manifest != nil {
            metrics.record("manifest", from: manifest?.origin ?? .none, registry: request.registry)
        }
        guard let manifest else { throw .notFound }
        return manifest
    }

    /// What `tag` names. The central cache knows best, since it asks the upstream; then what is here; then peers.
    private func resolve(_ tag: Tag, _ request: NodeRequest) async throws(NodeRegistryError) -> NodeManifest? {
        guard filter.allows(request.registry, request.repository) else { throw .hidden }
        let isShared = filter.allows(request.registry, request.repository, tag)
        if request.isMirrored {
            guard isShared else { throw .hidden }
            guard let manifest = try await localTag(tag, request) else { return nil }
            try judge([RepositoryPlace(request.registry, request.repository)], request)
            return manifest
        }
        let centralFirst = configuration.central != nil && configuration.tagsFromPeers != .always
        let question = question(.manifests, .tag(tag), request)
        if centralFirst {
            switch await fetcher.askCentral(question, excluding: []) {
            case .success(let response)?:
                if let manifest = await collect(response, request) { return manifest }
            case .failure(let failure)? where !failure.isOutage: return nil
            case .failure?, nil: break
            }
            if configuration.tagsFromPeers == .never { return nil }
        }
        guard isShared else { throw .hidden }
        if let local = try await localTag(tag, request) { return local }
        guard configuration.tagsFromPeers != .never else { return nil }
        let key = RoutingKey(registry: request.registry, repository: request.repository, tag: tag)
        return await fetched(question, key: key, request)
    }

    private func localTag(_ tag: Tag, _ request: NodeRequest) async throws(NodeRegistryError) -> NodeManifest? {
        let digest: Digest?
        do throws(NodeContentError) {
            digest = try await content.digest(of: tag, in: request.repository, of: request.registry)
        } catch {
            try judge(error, request)
            return nil
        }
        guard let digest else { return nil }
        return try await local(digest, request)
    }

    private func local(_ digest: Digest, _ request: NodeRequest) async throws(NodeRegistryError) -> NodeManifest? {
        guard let reader = try await content(digest, for: request),
            reader.size <= Int64(configuration.manifestLimitBytes)
        else { return nil }
        let bytes: ByteBuffer
        do throws(BlobStoreError) {
            bytes = try await reader.read(at: 0, length: Int(reader.size))
        } catch {
            throw .failed("content cannot be read: \(error)")
        }
        // What is no manifest is no answer here, and no error: a layer was asked for as one.
        guard let mediaType = Self.mediaType(of: bytes, digest: digest, declared: nil) else { return nil }
        return NodeManifest(
            digest: digest, mediaType: mediaType, size: Int64(bytes.readableBytes), bytes: bytes, origin: .local)
    }

    private func remote(_ digest: Digest, _ request: NodeRequest) async -> NodeManifest? {
        await fetched(question(.manifests, .digest(digest), request), key: RoutingKey(digest), request)
    }

    /// From whoever has it, within the time for manifests; whoever sends wrong bytes loses its turn.
    private func fetched(_ question: PeerQuestion, key: RoutingKey, _ request: NodeRequest) async -> NodeManifest? {
        let limit =
            configuration.order.contains(.central) && configuration.central != nil
            ? configuration.centralTimeout : configuration.manifestTimeout
        return await withTaskGroup(of: NodeManifest?.self) { group in
            group.addTask {
                var excluded: Set<PeerSource> = []
                for _ in 0..<Self.manifestAttempts {
                    guard let response = await self.fetcher.open(question, key: key, excluding: excluded) else {
                        return nil
                    }
                    if let manifest = await self.collect(response, request) { return manifest }
                    excluded.insert(response.source)
                }
                return nil
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }

    /// Reads and verifies a manifest; nil where it is none.
    private func collect(_ response: PeerResponse, _ request: NodeRequest) async -> NodeManifest? {
        let (source, head) = (response.source, response.head)
        let origin: NodeMetrics.Origin = source.kind == .peer ? .peer : .central
        guard head.size <= Int64(configuration.manifestLimitBytes) else {
            fetcher.note(.tooLarge, of: source)
            return nil
        }
        if request.isHead {
            guard let mediaType = head.mediaType, mediaType.isManifest else {
                fetcher.note(.malformed("it does not say what it is"), of: source)
                return nil
            }
            return NodeManifest(
                digest: head.digest, mediaType: mediaType, size: head.size, bytes: nil, origin: origin)
        }
        do {
            let bytes = try await response.body.collect(upTo: configuration.manifestLimitBytes)
            let actual = bytes.withUnsafeReadableBytes { DigestHasher.digest(of: $0, head.digest.algorithm) }
            guard actual == head.digest,
                let mediaType = Self.mediaType(of: bytes, digest: head.digest, declared: head.mediaType)
            else {
                fetcher.note(.wrongBytes, of: source)
                return nil
            }
            return NodeManifest(
                digest: head.digest, mediaType: mediaType, size: Int64(bytes.readableBytes), bytes: bytes,
                origin: origin)
        } catch {
            fetcher.note(PeerFailure(HTTPFailure(error)), of: source)
            return nil
        }
    }

    // MARK: What is here

    /// Whether a peer may have what is known under these names: rights are those of the content, whatever name it is
    /// asked for by. A refusal looks like content that is not here.
    private func judge(
        _ places: some Collection<RepositoryPlace>, _ request: NodeRequest
    ) throws(NodeRegistryError) {
        guard let grants else { return }
        do throws(GrantError) {
            try grants.judge(places, request.credential)
        } catch {
            metrics.record(refused: error)
            logger.debug(
                "a peer is not given what is private",
                metadata: ["repository": "\(request.registry)/\(request.repository)", "reason": "\(error)"])
            throw .notFound
        }
    }

    private func content(_ digest: Digest, for request: NodeRequest) async throws(NodeRegistryError) -> (
        any BlobReader
    )? {
        do throws(NodeContentError) {
            return try await content.open(digest)
        } catch {
            try judge(error, request)
            return nil
        }
    }

    /// What cannot be had here peers may have. That the keeper is away the advertiser says, once and not for each request.
    private func judge(_ error: NodeContentError, _ request: NodeRequest) throws(NodeRegistryError) {
        logger.debug("content here cannot be opened", metadata: ["error": "\(error)"])
        if case .unavailable = error { return }
        guard !request.isMirrored else { throw .failed(error.description) }
    }

    private func question(
        _ kind: PeerQuestion.Kind, _ reference: ManifestReference, _ request: NodeRequest
    ) -> PeerQuestion {
        PeerQuestion(
            registry: request.registry, repository: request.repository, kind: kind, reference: reference,
            isHead: request.isHead)
    }

    private static func mediaType(of bytes: ByteBuffer, digest: Digest, declared: MediaType?) -> MediaType? {
        try? Manifest(parsing: bytes.readableBytesView, declared: declared, digest: digest).mediaType
    }

    private static let manifestAttempts = 3
}

/// A blob that is here: sent from its file where it has one.
struct LocalBlob: BlobContent {
    let reader: any BlobReader
    let size: Int64

    func piece(at offset: Int64, limit: Int64) async throws -> BlobPiece? {
        let end = min(limit, size)
        return offset < end ? .stored(reader, offset..<end) : nil
    }
}
