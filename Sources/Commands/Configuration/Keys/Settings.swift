internal import OCI
internal import PullThroughCache
internal import Quota
internal import Rules

/// The configuration as it is written: what the file, the environment and the flags say, one laid over the other.
struct Settings {
    var include: [Located<String>] = []
    var rulesFrom: [Located<String>] = []
    var decryption = DecryptionSettings()
    var listen: [String] = ["0.0.0.0:5000"]
    var tls: Located<ServerTLSSettings>?
    var storage = StorageSettings()
    var defaultRule: Located<String>?
    var wellKnownRegistries: Located<WellKnownSelection>?
    var rules: [TableEntry<RuleName, RuleSettings>] = []
    var freshness = FreshnessSettings()
    var outage = OutageSettings()
    var refresh = RefreshSettings()
    var limits = LimitSettings()
    var timeouts = ServerTimeoutSettings()
    var proxy = ProxyFileSettings()
    var log = LogSettings()
    var control = ControlSettings()
    var rewrite = RewriteSettings()
    var webhook = WebhookFileSettings()
    var kubernetes: KubernetesSettings?
    var node = NodeSettings()
    var grants: GrantSettings?
}

/// What files encrypted by SOPS are decrypted with.
struct DecryptionSettings {
    var ageKeyFile: Located<String>?
    var ageKey: Located<Secret>?
    var agePassphrase: Located<Secret>?
}

struct ServerTLSSettings {
    var certificate: String?
    var key: String?
}

struct StorageSettings {
    var directory: String?
    var limit = StoreLimit().cap
    var highWatermark = Located(value: StoreLimit().highWatermark, place: .init(source: "default"))
    var lowWatermark = Located(value: StoreLimit().lowWatermark, place: .init(source: "default"))
}

/// What is set of a rule's freshness; the rest comes from the defaults for all rules.
struct FreshnessSettings {
    var moving: Duration?
    var minor: Duration?
    var exact: Duration?
    var tags: [TableEntry<String, Duration>]?
    var staleWhileRevalidate: Duration?
    var stretch: Int?
    var negative: Duration?
}

/// What is set of a rule's answers to outages.
struct OutageSettings {
    var unreachable: OutagePolicy.Answer?
    var serverError: OutagePolicy.Answer?
    var rateLimited: OutagePolicy.Answer?
    var unauthorized: OutagePolicy.Answer?
    var notFound: OutagePolicy.Answer?
}

struct RefreshSettings {
    var allowFrom = ["127.0.0.0/8", "::1/128"]
}

struct LimitSettings {
    var manifestBytes: Int64 = 4 << 20
    var memoryBytes: Int64 = 16 << 20
    var windowBytes: Int64 = 8 << 20
    var fillsPerUpstream = 16
    var waitingPerUpstream = 4096
    var requestsPerUpstream = 32
    var fetchAheadPerUpstream = 8
    var connectionsPerBlob = 8
    var unsizedBlobBytes: Int64 = 16 << 30
    var fillAttempts = 5
    var headerBytes: Int64 = 32 << 10
    var connections = 16_384
    var unreferencedGrace = Duration.seconds(600)
    var spendRetention = Duration.seconds(30 * 86_400)
}

struct ServerTimeoutSettings {
    var header = Duration.seconds(10)
    var idle = Duration.seconds(120)
    var write = Duration.seconds(60)
    var drain = Duration.seconds(30)
}

/// Nil, and an empty list, mean: as the environment says.
struct ProxyFileSettings {
    var http: Secret?
    var https: Secret?
    var exceptions: [String]?
}

struct LogSettings {
    var format = "text"
    var level = "info"
    var access = true
}

struct ControlSettings {
    var socket: String?
}

struct RuleSettings {
    /// Nil inside where it is given and wrong.
    var registry: Located<RegistryAddress?>?
    /// The short form of a single account.
    var account = AccountSettings()
    var accounts: [TableEntry<AccountName, AccountSettings>] = []
    var anonymous: Located<AnonymousUse>?
    var egress: [Located<String>] = []
    var reserve = QuotaPolicy().reserve
    var fail = FailureAnswer.closed
    var probe = ProbeChoice.automatic
    var host: Located<HostClaim>?
    var virtualHosts: [Located<RegistryHost>] = []
    var upstreamPrefix: RepositoryName?
    var freshness = FreshnessSettings()
    var outage = OutageSettings()
    var tls: Located<UpstreamTLSSettings>?
    var trustedRealms: [RegistryHost] = []
    var timeouts = UpstreamTimeoutSettings()
    var attempts = 3
    var bandwidth: BandwidthRate?
    var requestRate: RequestRate?
    var hedging = true
}

/// An account of a rule; the short form of one stands among the rule's own keys.
struct AccountSettings {
    /// Nil inside where it is given and wrong, here and in the three below.
    var username: Located<FollowedText?>?
    var accessToken: Located<Secret?>?
    var password: Located<Secret?>?
    var identityToken: Located<Secret?>?
    var elsewhere = CredentialSettings()
}

/// Whether requests may go without an account.
enum AnonymousUse: String, CaseIterable { case allowed, never }

/// What clients get while nothing is left of a rule's budget.
enum FailureAnswer: String, CaseIterable { case open, closed }

/// What is asked after to hear of a budget.
enum ProbeChoice: Hashable {
    /// Docker Hub's own image for that; nothing elsewhere.
    case automatic
    case off
    case image(RepositoryName, ManifestReference)
}

struct UpstreamTLSSettings {
    var ca: String?
    var certificate: String?
    var key: String?
    var skipVerify = false
}

struct UpstreamTimeoutSettings {
    var connect = Duration.seconds(10)
    var answer = Duration.seconds(30)
    var stall = Duration.seconds(30)
}

/// Which of the registries that are known without configuration are served.
enum WellKnownSelection: Equatable {
    case all
    case none
    case some([RegistryHost])
}
