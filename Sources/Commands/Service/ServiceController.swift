internal import BlobStore
internal import ControlServer
internal import HTTPSemantics
internal import MetadataStore
internal import OCI
internal import PrometheusMetrics
internal import PullThroughCache
internal import Quota
internal import QuotaGovernor
internal import Rules
internal import Timekeeping
internal import Upstream
internal import UpstreamClient

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What the control server's requests do to the running service.
struct ServiceController: ControlledService {
    let holder: ConfigurationHolder
    let upstreams: UpstreamSet
    let cache: PullThroughCache
    let reloader: Reloader
    let scrape: MetricsScrape
    let readiness: Readiness
    /// Nil where no cluster is followed.
    let cluster: ClusterFollowing?
    let startedAt: Timestamp
    let addresses: @Sendable () async -> [String]

    func status() async throws(ControlError) -> StatusDocument {
        let configuration = holder.configuration
        let report = try await asked { () throws(CacheError) in try await cache.report() }
        let now = SystemWallClock().now()
        let failures = cache.upstreamFailures
        return StatusDocument(
            version: Version.text, processIdentifier: getpid(), startedAt: startedAt.milliseconds,
            uptimeSeconds: (now - startedAt).wholeSeconds, addresses: await addresses(),
            store: StatusDocument.Store(
                directory: configuration.storeDirectory, repositories: report.repositories, tags: report.tags,
                manifests: report.manifests, blobs: report.blobs, storedBytes: report.storedBytes,
                limitBytes: report.limitBytes, availableBytes: report.availableBytes),
            runningFills: report.runningFills, waitingFills: report.waitingFills,
            rules: configuration.rules.rules.map { rule in
                let upstream = configuration.upstreams[rule.name]
                let governor = upstreams[rule.name]
                return StatusDocument.Rule(
                    name: rule.name.description, prefix: rule.prefix, host: rule.host?.description,
                    upstream: upstream.map { Self.address($0.governor.client) } ?? "-",
                    account: upstream?.accountText ?? "anonymous",
                    quotas: governor.map { Self.quotas($0.report()) } ?? [],
                    accounts: governor?.accountReports.map { StatusDocument.Account($0) } ?? [],
                    failure: failures[rule.name]?.rawValue)
            })
    }

    func explain(_ reference: String) async throws(ControlError) -> ExplanationDocument {
        let target = try resolve(reference)
        let explanation = try await asked(about: target) { () throws(CacheError) in
            try await cache.explain(target.reference, in: target.repository, rule: target.rule)
        }
        let upstream = holder.configuration.upstreams[target.rule.name].map { Self.address($0.governor.client) } ?? "-"
        var document = ExplanationDocument(explanation, upstream: upstream)
        if let governor = upstreams[target.rule.name] {
            let isFirst = explanation.digest == nil || !explanation.isManifestStored
            let purpose: QuotaPurpose =
                explanation.pullCost > 0 ? (isFirst ? .firstPull : .pull) : .uncounted
            document.choice = QuotaChoiceDocument(
                governor.explain(purpose, in: target.repository.name.description))
        }
        return document
    }

    func refresh(_ reference: String) async throws(ControlError) -> RefreshDocument {
        let target = try resolve(reference)
        let before = try await asked(about: target) { () throws(CacheError) in
            try await cache.explain(target.reference, in: target.repository, rule: target.rule)
        }
        let answer = try await asked(about: target) { () throws(CacheError) in
            try await cache.manifest(
                ManifestRequest(
                    rule: target.rule, repository: target.repository, reference: target.reference,
                    requiresRevalidation: true, client: .weir(.refresh)))
        }
        return RefreshDocument(
            rule: target.rule.name.description, repository: target.repository.name.description,
            reference: target.reference.description, before: before.digest?.description,
            after: answer.digest.description, cacheStatus: answer.status.description(cache: "Weir"),
            isConfirmed: answer.status.isConfirmed, reason: answer.status.reasonUnconfirmed)
    }

    func pins() async throws(ControlError) -> [PinDocument] {
        try await asked { () throws(CacheError) in try await cache.pins() }.map { pin in
            PinDocument(
                rule: pin.repository.rule.description, repository: pin.repository.name.description,
                reference: pin.reference.description)
        }
    }

    func setPin(_ isPinned: Bool, on reference: String) async throws(ControlError) -> PinDocument {
        let target = try resolve(reference)
        if !isPinned {
            let pins = try await asked { () throws(CacheError) in try await cache.pins() }
            guard pins.contains(where: { $0.repository == target.repository && $0.reference == target.reference })
            else {
                throw ControlError(.notFound, "\(Self.name(target)) is not pinned")
            }
        }
        try await asked(about: target) { () throws(CacheError) in
            try await cache.setPin(isPinned, on: target.reference, in: target.repository)
        }
        return PinDocument(
            rule: target.rule.name.description, repository: target.repository.name.description,
            reference: target.reference.description)
    }

    func evict(_ reference: String, isDryRun: Bool) async throws(ControlError) -> CollectionDocument {
        let target = try resolve(reference)
        let report = try await asked(about: target) { () throws(CacheError) in
            try await cache.evict(target.reference, in: target.repository, isDryRun: isDryRun)
        }
        guard let report else {
            throw ControlError(.notFound, "\(Self.name(target)) is not cached")
        }
        return CollectionDocument(report)
    }

    func collect(isDryRun: Bool) async throws(ControlError) -> CollectionDocument {
        CollectionDocument(try await asked { () throws(CacheError) in try await cache.collect(isDryRun: isDryRun) })
    }

    func cluster() async throws(ControlError) -> ClusterDocument {
        guard let cluster else {
            throw ControlError(
                .notFound,
                "no cluster is followed; add 'kubernetes: {}' to the service's configuration to have it do so")
        }
        return try await cluster.document()
    }

    func reload() async throws(ControlError) -> ReloadDocument { try await reloader.reload() }

    func metrics() async -> String { await scrape.text() }

    func unreadiness() async -> String? { await readiness.problem() }

    // MARK: References and errors

    typealias Target = (rule: Rule, repository: RepositoryKey, reference: ManifestReference)

    static func name(_ target: Target) -> String {
        imageText(target.repository.description, target.reference.description)
    }

    func resolve(_ text: String) throws(ControlError) -> Target {
        let reference: ImageReference
        do throws(ReferenceError) {
            reference = try ImageReference(text)
        } catch {
            throw ControlError(.badRequest, "'\(printable(text))' is no reference: \(error)")
        }
        do throws(AddressingError) {
            let (rule, repository) = try holder.rules.resolve(reference, writtenAs: text)
            return (rule, repository, reference.reference)
        } catch {
            throw ControlError(.badRequest, "\(error)")
        }
    }

    /// - Parameter target: what was asked about, for the message.
    func asked<Value>(
        about target: Target? = nil, _ ask: () async throws(CacheError) -> Value
    ) async throws(ControlError) -> Value {
        do throws(CacheError) {
            return try await ask()
        } catch {
            let subject = target.map { "\(Self.name($0)): " } ?? ""
            throw ControlError(Self.kind(of: error), "\(subject)\(error)")
        }
    }

    private static func kind(of error: CacheError) -> ControlError.Kind {
        switch error {
        case .manifestUnknown, .blobUnknown, .nameUnknown, .ruleUnknown: .notFound
        case .upstream(.notFound): .notFound
        case .upstream, .manifestInvalid, .digestMismatch, .sizeMismatch: .upstream
        case .overloaded, .storage, .cancelled: .failed
        }
    }

    static func address(_ upstream: UpstreamClient.Configuration) -> String {
        upstream.usesTLS ? upstream.host.description : "http://\(upstream.host)"
    }

    /// The budgets, each once.
    private static func quotas(_ report: QuotaReport) -> [StatusDocument.Quota] {
        var sources: Set<String> = []
        return report.pairs.compactMap { pair in
            guard let observedAt = pair.observedAt, pair.limit != nil else { return nil }
            if let source = pair.source, !sources.insert(source).inserted { return nil }
            return StatusDocument.Quota(
                source: pair.source, limit: pair.limit, remaining: pair.remaining,
                windowSeconds: pair.window?.wholeSeconds, observedAt: observedAt.milliseconds)
        }
    }
}
