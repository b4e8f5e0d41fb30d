internal import Concurrency
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
    let spending: SpendLedger
    private let questions: SingleFlight<Question, Resolution>

    init(
        keeper: ManifestKeeper, catalogue: Catalogue, spending: SpendLedger, clock: any WallClock, limitBytes: Int,
        work: BackgroundWork
    ) {
        self.keeper = keeper
        self.spending = spending
        self.catalogue = catalogue
        self.clock = clock
        self.limitBytes = limitBytes
        questions = SingleFlight(work: work)
    }

    /// - Parameters:
    ///   - spender: who pays for what has to be pulled, unless someone else is asking the same already.
    ///   - seen: what the caller knew of the tag when it decided to ask.
    func resolve(
        _ question: Question, for spender: Spender, seen: TagRecord? = nil, at upstream: UpstreamHandle
    ) async throws -> (value: Resolution, isCollapsed: Bool) {
        try await questions.value(for: question) {
            if let resolution = resolvedMeanwhile(question, seen: seen) { return resolution }
            // What is confirmed first is known, so that something can stand in.
            return try await self.answer(
                question, for: spender, as: question.confirmsFirst ? .update : .first, from: upstream)
        }
    }

    /// What another caller was told between this one's look at the catalogue and its turn: a pull is not paid twice.
    private func resolvedMeanwhile(_ question: Question, seen: TagRecord?) -> Resolution? {
        let digest: Digest
        switch question.reference {
        case .digest(let named): digest = named
        case .tag(let tag):
            guard let record = catalogue.tagInMemory(tag, in: question.repository),
                seen.map({ $0.checkedAt < record.checkedAt }) ?? true
            else { return nil }
            digest = record.digest
        }
        guard let manifest = catalogue.manifestInMemory(digest, in: question.repository) else { return nil }
        return Resolution(
            digest: digest, mediaType: manifest.mediaType, size: Int64(manifest.bytes.readableBytes),
            manifest: manifest, wasConfirmed: true)
    }

    /// Asks without waiting for the answer, on Weir's own account. `onAbsence` is performed where the upstream has no such manifest.
    func start(
        _ question: Question, at upstream: UpstreamHandle, as purpose: PullPurpose,
        onAbsence: @escaping @Sendable () async throws -> Void
    ) {
        questions.start(question) {
            do {
                return try await self.answer(question, for: .weir(.revalidation), as: purpose, from: upstream)
            } catch UpstreamError.notFound {
                try await onAbsence()
                throw UpstreamError.notFound
            }
        }
    }

    private func answer(
        _ question: Question, for spender: Spender, as purpose: PullPurpose, from upstream: UpstreamHandle
    ) async throws -> Resolution {
        guard question.isHead || question.confirmsFirst else {
            return try await fetch(question, for: spender, as: purpose, from: upstream)
        }
        let resolved = try await upstream.ask {
            try await $0.resolve(question.reference, in: question.repository.name)
        }
        if case .digest(let expected) = question.reference, let digest = resolved.digest, digest != expected {
            throw CacheError.digestMismatch(expected: expected, actual: digest)
        }
        let named: Digest? =
            if case .digest(let digest) = question.reference { digest } else { resolved.digest }
        // Without a digest a HEAD says nothing that could be kept.
        guard let digest = named else {
            return try await fetch(question, for: spender, as: purpose, from: upstream)
        }
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
            let resolution = try await fetch(
                byDigest, for: spender, as: purpose, bookedAs: question.reference, from: upstream)
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

    /// - Parameter asked: what the spender asked for, where that is not what is fetched.
    private func fetch(
        _ question: Question, for spender: Spender, as purpose: PullPurpose, bookedAs asked: ManifestReference? = nil,
        from upstream: UpstreamHandle
    ) async throws -> Resolution {
        let received = try await upstream.ask { registry in
            do throws(UpstreamError) {
                let received = try await registry.manifest(
                    question.reference, in: question.repository.name, limitBytes: limitBytes, for: purpose)
                book(asked ?? question.reference, question.repository, on: spender, error: nil)
                return received
            } catch {
                book(asked ?? question.reference, question.repository, on: spender, error: error)
                throw error
            }
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

    /// A client that asks by digest mostly knows it from a tag that was resolved a moment ago; the tag says more.
    private func book(
        _ reference: ManifestReference, _ repository: RepositoryKey, on spender: Spender, error: UpstreamError?
    ) {
        let name: String =
            switch reference {
            case .tag(let tag): tag.description
            case .digest(let digest):
                catalogue.tagInMemory(naming: digest, in: repository)?.description ?? digest.description
            }
        spending.book(spender, repository, reference: name, error: error)
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
