internal import ControlServer
internal import Logging
internal import OCI
internal import Rules
internal import Timekeeping
internal import Upstream
internal import UpstreamClient

/// Finds out, step by step, whether a rule's upstream can be pulled from, and says what to do where not. Pulls nothing:
/// the manifest is asked for by HEAD.
struct RuleValidation: Sendable {
    typealias Step = RuleValidationDocument.Step

    let rule: Rule
    let configuration: UpstreamClient.Configuration
    let upstream: any UpstreamRegistry
    let hasAccount: Bool
    /// What to ask for; nil where nothing is known of the upstream.
    let image: (repository: RepositoryName, reference: ManifestReference)?
    let greeting: UpstreamGreeting
    /// What is known of limits, in words, after the manifest was asked for.
    let limits: @Sendable () -> [String]

    func steps() async -> [Step] {
        let name = await nameStep()
        guard name.outcome != .failed else { return [name] + skipped(["connection", "login", "image", "quota"]) }
        do throws(UpstreamError) {
            let login = try await greeting.login()
            let connection = Step("connection", .ok, connectionDetail(login))
            if case .token(let realm, isTrusted: false) = login {
                return [name, connection, realmStep(realm)] + skipped(["image", "quota"])
            }
            return [name, connection] + (await accountSteps(login))
        } catch {
            return [name, failedConnection(error)] + skipped(["login", "image", "quota"])
        }
    }

    private func skipped(_ names: [String]) -> [Step] {
        names.map { Step($0, .skipped, "not tried, since an earlier step failed") }
    }

    // MARK: Name and connection

    private func nameStep() async -> Step {
        switch await greeting.addresses() {
        case .resolved(let addresses): Step("name", .ok, addresses.joined(separator: ", "))
        case .throughProxy: Step("name", .ok, "left to the proxy")
        case .failed(let reason):
            Step(
                "name", .failed, reason,
                advice:
                    "check the rule's 'registry' and this machine's resolver; where only a proxy knows the name, set "
                    + "'proxy'")
        }
    }

    private func connectionDetail(_ login: UpstreamGreeting.Login) -> String {
        let wish =
            switch login {
            case .none: "asks for no login"
            case .basic: "asks for a user and a password"
            case .token(let realm, _): "asks for a token of \(realm)"
            case .unclear(let status): "answers /v2/ with status \(status)"
            }
        return "\(configuration.usesTLS ? "TLS" : "plain HTTP"); \(wish)"
    }

    private func failedConnection(_ error: UpstreamError) -> Step {
        let reason = error.description
        let advice: String
        // Servers without TLS break off as often as they say something that can be told from it.
        let isCut = ["does not speak TLS", "hung up on the handshake", "the connection broke", "without an answer"]
            .contains { reason.contains($0) }
        if configuration.usesTLS, isCut {
            advice = "write http:// before the host in 'registry' if this registry has no TLS"
        } else if reason.contains("not signed by a trusted authority") {
            advice = "name the authority that signed the certificate as 'tls.ca' of the rule"
        } else if reason.contains("for another name") {
            advice = "write the name that the certificate is for as the rule's 'registry'"
        } else if reason.contains("client certificate") {
            advice = "set 'tls.certificate' and 'tls.key' of the rule"
        } else if reason.contains("TLS") {
            advice = "check what answers on this port: openssl s_client -connect \(configuration.host)"
        } else {
            advice = "check firewall and port; where the way out is a proxy, set 'proxy'"
        }
        return Step("connection", .failed, reason, advice: advice)
    }

    private func realmStep(_ realm: String) -> Step {
        Step(
            "login", .failed, "the registry sends clients to \(realm), which the rule does not trust",
            advice: "if that is right, name its host in 'trustedRealms' of the rule")
    }

    // MARK: Login, image, quota

    private func accountSteps(_ login: UpstreamGreeting.Login) async -> [Step] {
        guard let image else {
            let advice = "name one that it has: weir rules validate \(rule.name) --image REPOSITORY:TAG"
            return [
                Step("login", .skipped, "no image is known to try it with", advice: advice),
                Step("image", .skipped, "no image is known", advice: advice),
                Step("quota", .skipped, "not asked"),
            ]
        }
        let name = "\(image.repository)\(image.reference.separator)\(image.reference)"
        do throws(UpstreamError) {
            let resolved = try await upstream.resolve(image.reference, in: image.repository)
            let detail = resolved.digest.map { "\(name) is \($0)" } ?? "\(name) is there"
            return [passed(login), Step("image", .ok, detail), quotaStep()]
        } catch {
            return failures(error, login, name: name)
        }
    }

    private func passed(_ login: UpstreamGreeting.Login) -> Step {
        if case .none = login { return Step("login", .skipped, "the registry asks for none") }
        return Step("login", .ok, hasAccount ? "the account is accepted" : "anonymous access is granted")
    }

    private func failures(_ error: UpstreamError, _ login: UpstreamGreeting.Login, name: String) -> [Step] {
        switch error {
        case .notFound:
            return [
                passed(login),
                Step(
                    "image", .failed, "the upstream has no \(name)",
                    advice: "name one that it has with --image, or check 'upstreamPrefix' of the rule"),
                quotaStep(),
            ]
        case .unauthorized(let status):
            let advice =
                hasAccount
                ? "check user and password, and whether the account may read \(name); wait before trying again, since "
                    + "registries lock accounts after some failures"
                : "set an account for the rule, or name an image that is public with --image"
            return [Step("login", .failed, "the upstream refused access to \(name) (\(status))", advice: advice)]
                + skipped(["image", "quota"])
        case .realmRefused(let realm): return [realmStep(realm)] + skipped(["image", "quota"])
        case .tokenEndpoint:
            return [
                Step(
                    "login", .failed, error.description,
                    advice: "the registry's token service failed; see its status page, or the log at level debug")
            ] + skipped(["image", "quota"])
        case .rateLimited:
            return [
                passed(login), Step("image", .failed, error.description, advice: "try again later; see 'weir quota'"),
                quotaStep(),
            ]
        default:
            return [
                passed(login),
                Step("image", .failed, error.description, advice: "see the service's log at level debug"),
                Step("quota", .skipped, "not asked"),
            ]
        }
    }

    private func quotaStep() -> Step {
        let known = limits()
        return known.isEmpty
            ? Step("quota", .ok, "the upstream tells of no limit") : Step("quota", .ok, known.joined(separator: "; "))
    }
}

extension ManifestReference {
    fileprivate var separator: String { if case .tag = self { ":" } else { "@" } }
}
