internal import MetadataStore
internal import NIOCore
internal import OCI
internal import Rules
internal import Timekeeping
internal import Upstream

/// Asks upstreams about manifests: one question at a time for each.
struct ManifestResolver: Sendable {
    /// What an upstream said.
    struct Resolution: Sendable {
        var digest: Digest
        var mediaType: MediaType?
        /// In bytes.
        var size: Int64?
        /// The bytes, where they were fetched or are stored.
        var manifest: CachedManifest?
        /// Whether only a HEAD was needed.
        var wasConfirmed: Bool
    }

    struct Question: Sendable, Hashable {
        let repository: RepositoryKey
        let reference: ManifestReference
        /// A HEAD that fetches no bytes, unless nothing else tells the digest.
        let isHead: Bool
        /// Whether what is known is to be confirmed by a HEAD first, which upstreams do not count as a pull.
        let confirmsFirst: Bool
    }

    let keeper: ManifestKeeper
    let catalogue: Catalogue
    let clock: any WallClock
    let limitBytes: Int
    private let questions: SingleFlight<Question, Resolution>

    init(keeper: ManifestKeeper, catalogue: Catalogue, clock: any WallClock, limitBytes: Int, work: BackgroundWork) {
        self.keeper = keeper
        self.catalogue = catalogue
        self.clock = clock
        self.limitBytes = limitBytes
        questions = SingleFlight(work: work)
    }

    func resolve(
        _ question: Question, at upstream: UpstreamHandle
    ) async throws -> (value: Resolution, isCollapsed: Bool) {
        try await questions.value(for: question) { try await self.answer(question, from: upstream) }
    }

    /// Asks without waiting for the answer. `onAbsence` is performed where the upstream has no such manifest.
    func start(
        _ question: Question, at upstream: UpstreamHandle, onAbsence: @escaping @Sendable () async throws -> Void
    ) {
        questions.start(question) {
            do {
                return try await self.answer(question, from: upstream)
            } catch UpstreamError.notFound {
                try await onAbsence()
                throw UpstreamError.notFound
            }
        }
    }

    private func answer(_ question: Question, from upstream: UpstreamHandle) async throws -> Resolution {
        guard question.isHead || question.confirmsFirst else { return try await fetch(question, from: upstream) }
        let resolved = try await upstream.ask {
            try await $0.resolve(question.reference, in: question.repository.name)
        }
        if case .digest(let expected) = question.reference, let digest = resolved.digest, digest != expected {
            throw CacheError.digestMismatch(expected: expected, actual: digest)
        }
        let named: Digest? =
            if case .digest(let digest) = question.reference { digest } else { resolved.digest }
        // Without a digest a HEAD says nothing that could be kept.
        guard let digest = named else { return try await fetch(question, from: upstream) }
        if resolved.mediaType?.isSchema1 == true { throw ManifestError.schema1 }
        if let manifest = try await held(digest, mediaType: resolved.mediaType, in: question.repository) {
            note(question, digest: digest, mediaType: manifest.mediaType, size: nil, isStored: true)
            return Resolution(
                digest: digest, mediaType: manifest.mediaType, size: Int64(manifest.bytes.readableBytes),
                manifest: manifest, wasConfirmed: true)
        }
        guard question.isHead else {
            // By digest: the tag could move once more between the two requests.
            let byDigest = Question(
                repository: question.repository, reference: .digest(digest), isHead: false, confirmsFirst: false)
            let resolution = try await fetch(byDigest, from: upstream)
            note(question, digest: digest, mediaType: resolution.mediaType, size: resolution.size, isStored: true)
            return resolution
        }
        note(question, digest: digest, mediaType: resolved.mediaType, size: resolved.size, isStored: false)
        return Resolution(
            digest: digest, mediaType: resolved.mediaType, size: resolved.size, manifest: nil, wasConfirmed: true)
    }

    /// The manifest if it is stored, the upstream having said just now that the repository holds it.
    private func held(
        _ digest: Digest, mediaType: MediaType?, in repository: RepositoryKey
    ) async throws -> CachedManifest? {
        switch try await keeper.holding(of: digest, in: repository) {
        case .held(let manifest): manifest
        case .bytesMissing: nil
        case .notKnown: try await keeper.adopt(digest, mediaType: mediaType, in: repository)
        }
    }

    private func fetch(_ question: Question, from upstream: UpstreamHandle) async throws -> Resolution {
        let received = try await upstream.ask {
            try await $0.manifest(question.reference, in: question.repository.name, limitBytes: limitBytes)
        }
        let expected: Digest? =
            if case .digest(let digest) = question.reference { digest } else { nil }
        let manifest = try keeper.keep(received, expected: expected, in: question.repository)
        let size = Int64(manifest.bytes.readableBytes)
        note(question, digest: manifest.digest, mediaType: manifest.mediaType, size: size, isStored: true)
        return Resolution(
            digest: manifest.digest, mediaType: manifest.mediaType, size: size, manifest: manifest,
            wasConfirmed: false)
    }

    private func note(
        _ question: Question, digest: Digest, mediaType: MediaType?, size: Int64?, isStored: Bool
    ) {
        guard case .tag(let tag) = question.reference else { return }
        catalogue.note(
            TagRecord(
                repository: question.repository, tag: tag, digest: digest, mediaType: mediaType, size: size,
                checkedAt: clock.now()),
            isStored: isStored)
    }
}
