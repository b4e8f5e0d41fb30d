import Concurrency
import Credentials
import ImageRewriting
import Logging
import OCI
import Rules
import Synchronization
import Timekeeping

@testable import AdmissionWebhook

/// Registries that answer as a test says, and count who asks.
final class FakeProbe: ImageProbe {
    struct Asked: Hashable {
        var image: String
        var needsContent: Bool
        var credentials: AccountCredentials?
    }

    enum Reply {
        case found(mediaType: String? = nil, String? = nil)
        case missing
        case error(ImageProbeError)
        /// Answers when the task is cancelled, and not before.
        case never
    }

    private let replies: @Sendable (Asked) -> Reply
    private let asked = Mutex<[Asked]>([])

    init(_ replies: @escaping @Sendable (Asked) -> Reply) { self.replies = replies }

    var questions: [Asked] { asked.withLock { $0 } }

    func probe(
        _ image: ImageReference, needsContent: Bool, credentials: AccountCredentials?
    ) async throws(ImageProbeError) -> ProbedManifest? {
        let question = Asked(image: image.description, needsContent: needsContent, credentials: credentials)
        asked.withLock { $0.append(question) }
        switch replies(question) {
        case .found(let type, let text):
            return ProbedManifest(mediaType: type.flatMap { MediaType($0) }, bytes: text.map { Array($0.utf8) })
        case .missing: return nil
        case .error(let error): throw error
        case .never:
            // Holds nothing, and ends with whoever waits for it.
            try? await Waiter<Void>().value()
            throw .unavailable(reason: "cancelled")
        }
    }
}

/// Secrets in memory.
final class FakeSecrets: PullSecretSource, PullSecretCopier {
    private let configs: [String: String]
    private let unavailable: Set<String>
    private let copyError: PullSecretError?
    private let copied = Mutex<[String]>([])

    /// - Parameters:
    ///   - configs: by `NAMESPACE/NAME`.
    ///   - unavailable: what nobody can tell anything of.
    init(_ configs: [String: String] = [:], unavailable: Set<String> = [], copyError: PullSecretError? = nil) {
        self.configs = configs
        self.unavailable = unavailable
        self.copyError = copyError
    }

    var copies: [String] { copied.withLock { $0 } }

    func dockerConfig(of secret: PullSecretName) async throws(PullSecretError) -> [UInt8]? {
        if unavailable.contains(secret.description) { throw .unavailable(secret, reason: "down") }
        return configs[secret.description].map { Array($0.utf8) }
    }

    func ensure(_ name: String, in namespace: String) async throws(PullSecretError) {
        copied.withLock { $0.append("\(namespace)/\(name)") }
        if let copyError { throw copyError }
    }
}

/// A webhook in a test's hands.
struct TestWebhook {
    let clock = ManualWallClock()
    let mutator: PodMutator
    let validator: PodValidator

    init(
        _ rules: [RewriteRule], probe: any ImageProbe = FakeProbe { _ in .found() },
        secrets: FakeSecrets = FakeSecrets(), failure: WebhookSettings.FailureMode = .open,
        budget: Duration = .seconds(60), triesPodSecrets: Bool = false, copiesPullSecrets: Bool = false,
        policy: ImagePolicy = ImagePolicy(), checks: UpstreamChecks.Configuration = .init(timeout: .seconds(60))
    ) throws {
        let settings = WebhookSettings(
            rewriter: try ImageRewriter(rules), ownNamespace: "weir", failure: failure, budget: budget,
            triesPodSecrets: triesPodSecrets, copiesPullSecrets: copiesPullSecrets, policy: policy)
        mutator = PodMutator(
            settings: { settings },
            checks: UpstreamChecks(configuration: checks, probe: probe, secrets: secrets, clock: clock),
            copier: secrets, clock: clock, logger: Logger(label: "test"))
        validator = PodValidator(settings: { settings })
    }

    func mutated(_ review: Review, within time: Duration = .seconds(60)) async throws -> Answered {
        let request = try AdmissionRequest(review.bytes)
        return try Answered(await mutator.response(to: request, until: .now + time).encoded())
    }

    func validated(_ review: Review) throws -> Answered {
        try Answered(validator.response(to: try AdmissionRequest(review.bytes)).encoded())
    }
}

extension RewriteRule {
    /// Everything of Docker Hub, ghcr.io and quay.io to `weir.corp:5000`.
    static func weir(check: UpstreamCheck? = nil, pullSecrets: [String] = []) throws -> RewriteRule {
        let rules = try ["docker.io", "ghcr.io", "quay.io"].map { host in
            Rule(
                name: try RuleName(host), host: try RegistryHost(host), completesLibrary: host == "docker.io",
                freshness: FreshnessPolicy(), outage: OutagePolicy())
        }
        let table = RuleTable(rules, defaultRule: rules[0].name)
        var rule = RewriteRule.derived(
            try DerivedRule(table: table, address: try RegistryHost("weir.corp:5000")), check: check)
        rule.pullSecrets = pullSecrets
        return rule
    }

    static func harbor(
        _ name: String, _ matches: String..., excludes: [String] = [], replace: String, checkUpstream: Bool = false,
        platforms: [String] = [], secret: String? = nil
    ) throws -> RewriteRule {
        .harbor(
            try HarborWebhookRule(
                name: name, matches: matches, excludes: excludes, replace: replace, checkUpstream: checkUpstream,
                platforms: platforms, authSecretName: secret))
    }
}
