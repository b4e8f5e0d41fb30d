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

    /// How often a client that waited for what Weir asked by itself asks anew, having a better claim.
    private static let claimLimit = 3

    /// - Parameters:
    ///   - asked: what the client asked for, where that is not what is asked of the upstream.
    ///   - spender: who pays for what has to be pulled, unless someone else is asking the same already.
    ///   - seen: what the caller knew of the tag when it decided to ask.
    func resolve(
        _ question: Question, askedBy asked: ManifestReference? = nil, for spender: Spender, seen: TagRecord? = nil,
        at upstream: UpstreamHandle
    ) async throws -> (value: Resolution, isCollapsed: Bool) {
        var claims = 0
        while true {
            let (outcome, isCollapsed) = await questions.outcome(for: question) {
                if let resolution = resolvedMeanwhile(question, seen: seen) { return resolution }
                return try await self.answer(question, askedBy: asked, for: spender, from: upstream)
            }
            // Who asked may have been one that has to leave alone what this caller may use.
            if isCollapsed, claims < Self.claimLimit, case .failure(let error as UpstreamError) = outcome,
                case .budgetSpent(let budget) = error, budget.reason == .reserved, spender.isClient
            {
                claims += 1
                continue
            }
            return (try outcome.get(), isCollapsed)
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

    /// Callers that wait for an answer; for tests.
    var waiterCount: Int { questions.waiterCount }

    /// Asks without waiting for the answer, on Weir's own account. `onAbsence` is performed where the upstream has no
    /// such manifest.
    func start(
        _ question: Question, at upstream: UpstreamHandle, onAbsence: @escaping @Sendable () async throws -> Void
    ) {
        questions.start(question) {
            do {
                return try await self.answer(question, askedBy: nil, for: .weir(.revalidation), from: upstream)
            } catch UpstreamError.notFound {
                try await onAbsence()
                throw UpstreamError.notFound
            }
        }
    }

    private func answer(
        _ question: Question, askedBy asked: ManifestReference?, for spender: Spender, from upstream: UpstreamHandle
    ) async throws -> Resolution {
        guard question.isHead || question.confirmsFirst else {
            return try await fetch(question, askedBy: asked ?? question.reference, for: spender, from: upstream)
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
            return try await fetch(question, askedBy: asked ?? question.reference, for: spender, from: upstream)
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
            let resolution = try await fetch(byDigest, askedBy: question.reference, for: spender, from: upstream)
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

    /// What a fetch is for, which decides what it may use of the upstream's budget.
    ///
    /// A tag that names something stored can be answered with that. For a digest nothing can stand in, whether a client
    /// has it from a file or from a HEAD of a tag that moved; where the budget does not pay for the latter, the HEAD
    /// does not tell of it (``Manifests``).
    private func purpose(
        of reference: ManifestReference, _ repository: RepositoryKey, for spender: Spender
    ) async throws -> PullPurpose {
        guard spender.isClient else { return .background }
        guard case .tag(let tag) = reference else { return .first }
        return try await stored(tag, in: repository) { _ in true } == nil ? .first : .update
    }

    /// The newest manifest known as `tag` that is stored, of those that are accepted.
    func stored(
        _ tag: Tag, in repository: RepositoryKey, where accepts: (TagRecord) -> Bool
    ) async throws -> (record: TagRecord, manifest: CachedManifest)? {
        for record in try await catalogue.candidates(for: tag, in: repository) where accepts(record) {
            if case .held(let manifest) = try await keeper.holding(of: record.digest, in: repository) {
                return (record, manifest)
            }
        }
        return nil
    }

    /// - Parameter asked: what the spender asked for, which may be a tag where a digest is fetched.
    private func fetch(
        _ question: Question, askedBy asked: ManifestReference, for spender: Spender, from upstream: UpstreamHandle
    ) async throws -> Resolution {
        let purpose = try await purpose(of: asked, question.repository, for: spender)
        let received = try await upstream.ask { registry in
            do throws(UpstreamError) {
                let received = try await registry.manifest(
                    question.reference, in: question.repository.name, limitBytes: limitBytes, for: purpose)
                book(asked, question.repository, on: spender, error: nil)
                return received
            } catch {
                book(asked, question.repository, on: spender, error: error)
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
