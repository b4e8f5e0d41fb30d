package import Credentials
internal import ImageRewriting
package import OCI
package import Timekeeping

/// Whether rewritten images are there. Answers are kept for a while, good ones longer than bad ones.
package final class UpstreamChecks: Sendable {
    package struct Configuration: Sendable, Hashable {
        /// Of one check, credentials included; default 5 seconds. It may go on after the review that asked has had
        /// to answer, so that the next one finds its result.
        package var timeout: Duration
        /// How long it is believed that an image is there; default 10 minutes.
        package var positive: Duration
        /// How long it is believed that it is not; default 30 seconds.
        package var negative: Duration
        /// How long nobody is asked again after a question without an answer; default 5 seconds.
        package var unknown: Duration

        package init(
            timeout: Duration = .seconds(5), positive: Duration = .seconds(600), negative: Duration = .seconds(30),
            unknown: Duration = .seconds(5)
        ) {
            self.timeout = timeout
            self.positive = positive
            self.negative = negative
            self.unknown = unknown
        }
    }

    private let outcomes: Outcomes<CheckKey, CheckVerdict>

    /// - Parameters:
    ///   - secrets: nil where no secrets can be read; a rule that names one then finds nothing out.
    ///   - credentials: of registries that no secret has any for.
    package init(
        configuration: Configuration = Configuration(), probe: any ImageProbe, secrets: (any PullSecretSource)?,
        credentials: @escaping @Sendable (RegistryHost) -> (any CredentialSource)? = { _ in nil },
        clock: any WallClock
    ) {
        let question = CheckQuestion(probe: probe, secrets: secrets, credentials: credentials)
        outcomes = Outcomes(clock: clock) { key in
            let verdict =
                await withTimeLimit(configuration.timeout) { await question.verdict(key) }
                ?? .unknown("no answer within \(configuration.timeout)")
            WebhookMetrics.shared.checked(verdict)
            switch verdict {
            case .passes: return (verdict, configuration.positive)
            case .fails: return (verdict, configuration.negative)
            case .unknown: return (verdict, configuration.unknown)
            }
        }
    }

    /// The verdict, if it is known without asking.
    func known(_ key: CheckKey) -> CheckVerdict? { outcomes.known(key) }

    func verdict(_ key: CheckKey, until deadline: ContinuousClock.Instant) async -> CheckVerdict {
        await outcomes.value(key, until: deadline) ?? .unknown("no answer in time")
    }
}

/// One check, as it is carried out.
private struct CheckQuestion: Sendable {
    /// Credentials that are tried for one image.
    private static let credentialLimit = 4

    let probe: any ImageProbe
    let secrets: (any PullSecretSource)?
    let credentials: @Sendable (RegistryHost) -> (any CredentialSource)?

    func verdict(_ key: CheckKey) async -> CheckVerdict {
        guard let image = try? ImageReference(key.image) else { return .fails("it is no reference") }
        var doubt: String?
        let accounts: [AccountCredentials]
        do {
            accounts = try await self.accounts(key, image, &doubt)
        } catch {
            return .unknown("\(error)")
        }
        var refusal: CheckVerdict?
        for account in accounts.isEmpty ? [nil] : accounts.map(Optional.some).prefix(Self.credentialLimit) {
            let verdict = await verdict(image, key.check.platforms, with: account)
            switch verdict {
            case .passes: return .passes
            case .fails: refusal = verdict
            case .unknown(let reason): doubt = doubt ?? reason
            }
        }
        // One account does not see what another, that could not be asked by, may see.
        return doubt.map { .unknown($0) } ?? refusal ?? .fails("it is not there")
    }

    private func verdict(
        _ image: ImageReference, _ platforms: [Platform], with account: AccountCredentials?
    ) async -> CheckVerdict {
        do throws(ImageProbeError) {
            let found = try await probe.probe(image, needsContent: !platforms.isEmpty, credentials: account)
            guard let found else { return .fails("it is not there") }
            return PlatformCoverage.problem(of: found, platforms: platforms).map { .fails($0) } ?? .passes
        } catch {
            switch error {
            case .refused(let reason): return .fails(reason)
            case .unavailable(let reason): return .unknown(reason)
            }
        }
    }

    /// The secret that the rule names has to be there; of the pod's own those count that are, as for the kubelet.
    /// - Parameter doubt: why one of the pod's own could not be read, though it may be there.
    private func accounts(
        _ key: CheckKey, _ image: ImageReference, _ doubt: inout String?
    ) async throws -> [AccountCredentials] {
        var accounts: [AccountCredentials] = []
        for (position, secret) in key.secrets.enumerated() {
            // One of the pod's may be called alike, in its own namespace.
            let isNamed = position == 0 && secret.name == key.check.secretName
            do throws(PullSecretError) {
                guard let account = try await account(secret, key, image) else { continue }
                if !accounts.contains(account) { accounts.append(account) }
            } catch {
                if isNamed { throw error }
                if case .unavailable = error { doubt = doubt ?? "\(error)" }
            }
        }
        if accounts.isEmpty, let source = credentials(image.registry) {
            accounts = [try await source.credentials().credentials]
        }
        return accounts
    }

    private func account(
        _ secret: PullSecretName, _ key: CheckKey, _ image: ImageReference
    ) async throws(PullSecretError) -> AccountCredentials? {
        guard let secrets else { throw PullSecretError.unavailable(secret, reason: "nothing here can read secrets") }
        guard let bytes = try await secrets.dockerConfig(of: secret) else { throw PullSecretError.missing(secret) }
        do throws(DockerConfigError) {
            return try DockerConfig(bytes).credentials(
                for: image, takesKeysAsPatterns: key.check.takesSecretKeysAsPatterns)
        } catch {
            throw PullSecretError.malformed(secret, reason: error.description)
        }
    }
}

/// The value, or nil where it took longer; what was begun is cancelled then.
func withTimeLimit<Value: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async -> Value
) async -> Value? {
    await withTaskGroup(of: Value?.self) { group in
        group.addTask { await body() }
        group.addTask {
            try? await Task.sleep(for: limit)
            return nil
        }
        let first = await group.next() ?? nil
        group.cancelAll()
        return first
    }
}
