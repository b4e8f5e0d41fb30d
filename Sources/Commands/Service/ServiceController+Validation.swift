internal import ControlServer
internal import Logging
internal import OCI
internal import PullThroughCache
internal import QuotaGovernor
internal import Rules
internal import Timekeeping
internal import Upstream
internal import UpstreamClient

extension ServiceController {
    private static let validationConcurrency = 8

    func validate(rule: String?, image: String?) async throws(ControlError) -> [RuleValidationDocument] {
        let all = holder.configuration.rules.rules
        let meant = all.filter { rule == nil || $0.name.description == rule }
        guard !meant.isEmpty else {
            throw ControlError(
                .notFound,
                "there is no rule '\(printable(rule ?? ""))'; rules are \(all.map(\.name.description).joined(separator: ", "))"
            )
        }
        let wanted = try image.map { text throws(ControlError) in
            guard let parsed = KnownImage.parse(text) else {
                throw ControlError(
                    .badRequest, "'\(printable(text))' is no image; write REPOSITORY:TAG as the upstream knows it")
            }
            return parsed
        }
        if let rule = meant.first, meant.count == 1 { upstreams[rule.name]?.forgiveAccounts() }
        var documents: [Int: RuleValidationDocument] = [:]
        await withTaskGroup(of: (Int, RuleValidationDocument).self) { group in
            for (index, rule) in meant.enumerated() {
                if index >= Self.validationConcurrency, let (place, document) = await group.next() {
                    documents[place] = document
                }
                group.addTask { (index, await self.validate(rule, image: wanted)) }
            }
            for await (index, document) in group { documents[index] = document }
        }
        return meant.indices.compactMap { documents[$0] }
    }

    private func validate(
        _ rule: Rule, image: (repository: RepositoryName, reference: ManifestReference)?
    ) async -> RuleValidationDocument {
        guard let configuration = clientConfiguration(of: rule.name), let upstream = upstreams.registries[rule.name]
        else { return RuleValidationDocument(rule: rule.name.description, upstream: "-", steps: []) }
        var known = image ?? KnownImage.of(rule.host)
        if known == nil { known = await cache.knownImage(of: rule.name) }
        var logger = Logger(label: "weir")
        logger.logLevel = .critical
        let transport = UpstreamTransport(proxy: holder.configuration.proxy, logger: logger)
        let validation = RuleValidation(
            rule: rule, configuration: configuration, upstream: upstream, hasAccount: hasAccount(rule.name),
            image: known,
            greeting: UpstreamGreeting(
                configuration: configuration, transport: transport, clock: SystemWallClock(), logger: logger),
            limits: { self.limits(of: rule.name) })
        let steps = await validation.steps()
        try? await transport.shutdown()
        return RuleValidationDocument(
            rule: rule.name.description, upstream: Self.address(configuration), steps: steps)
    }
}
