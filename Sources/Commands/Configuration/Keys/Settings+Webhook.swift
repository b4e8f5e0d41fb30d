internal import AdmissionWebhook
internal import ImageRewriting

/// The admission webhook, as it is written.
struct WebhookFileSettings {
    var enabled = false
    var listen = ["0.0.0.0:9443"]
    var operations: [String] = []
    var tls: Located<ServerTLSSettings>?
    var namespace: String?
    var excludeNamespaces = ["kube-system"]
    var failure = "open"
    var budget = Duration.seconds(2)
    var checkUpstream = true
    var pullSecrets: [String] = []
    var weir: RegistryAddress?
    var checks = WebhookCheckSettings()
    var podSecrets = false
    var secretsDirectory: String?
    var copyPullSecrets = false
    var harborMetrics = false
    var validate = WebhookPolicySettings()
}

struct WebhookCheckSettings {
    var timeout = Duration.seconds(5)
    var positive = Duration.seconds(600)
    var negative = Duration.seconds(30)
}

struct WebhookPolicySettings {
    var allow: [Matcher] = []
    var deny: [Matcher] = []
    var registries = "deny"
    var movingTags = "allow"
    var missingDigests = "allow"
}

extension WebhookFileSettings {
    static var keys: [Setting<Self>] {
        listening + checking + [
            Setting(
                "validate", \.validate, .group(WebhookPolicySettings.keys, { WebhookPolicySettings() }),
                "Which images pods may use, at /validate.")
        ]
    }

    private static var listening: [Setting<Self>] {
        [
            Setting(
                "enabled", \.enabled, .flag, standard: .bool(false),
                "Whether 'weir serve' has the webhook too; 'weir webhook' always has."),
            Setting(
                "listen", \.listen, Format.listenAddress.oneOrList, standard: .string("0.0.0.0:9443"),
                "Where the API server connects, with TLS."),
            Setting(
                "operations", \.operations, Format.listenAddress.oneOrList, standard: .array([]),
                "Where health and metrics are had without TLS beside."),
            Setting(
                "tls", \.tls, Format.group(ServerTLSSettings.keys, { ServerTLSSettings() }).located,
                "The webhook's certificate. The files are looked at every ten seconds, and read again when they change."
            ),
            Setting(
                "namespace", \.namespace, .kubernetesName("a namespace"),
                standard: .string("$POD_NAMESPACE, or the service account's"),
                "Where Weir itself runs, whose pods are left alone, and which has the secrets that rules name."),
            Setting(
                "excludeNamespaces", \.excludeNamespaces, Format.kubernetesName("a namespace").list,
                standard: .array([.string("kube-system")]), "Namespaces whose pods are neither changed nor judged."),
            Setting(
                "failure", \.failure, .choice(WebhookSettings.FailureMode.allCases.map(\.rawValue)),
                standard: .string("open"),
                "Pods whose images could not be checked: 'open' admits them as they are, 'closed' refuses them."),
            Setting(
                "budget", \.budget, .duration(.milliseconds(100)...Duration.seconds(25)), standard: .string("2s"),
                "The longest that an answer takes; less where the API server waits less."),
        ]
    }

    private static var checking: [Setting<Self>] {
        [
            Setting(
                "checkUpstream", \.checkUpstream, .flag, standard: .bool(true),
                "Whether what 'rewrite.all' rewrites has to be there, at Weir, before a pod is changed."),
            Setting(
                "pullSecrets", \.pullSecrets, Format.kubernetesName("a secret's name").list, standard: .array([]),
                "Secrets that pods get for what 'rewrite.all' rewrites."),
            Setting(
                "weir", \.weir, .registry, standard: .string("'rewrite.address'"),
                "Where 'weir webhook' asks for images of Weir: HOST:PORT or http://HOST:PORT."),
            Setting(
                "checks", \.checks, .group(WebhookCheckSettings.keys, { WebhookCheckSettings() }),
                "How long checks take, and are believed."),
            Setting(
                "podSecrets", \.podSecrets, .flag, standard: .bool(false),
                "Whether checks also try the pod's own pull secrets."),
            Setting(
                "secretsDirectory", \.secretsDirectory, .path("a directory"),
                "Has secrets of Weir's namespace as they are mounted: NAME/.dockerconfigjson."),
            Setting(
                "copyPullSecrets", \.copyPullSecrets, .flag, standard: .bool(false),
                "Whether secrets that pods get are copied from Weir's namespace into theirs."),
            Setting(
                "harborMetrics", \.harborMetrics, .flag, standard: .bool(false),
                "Whether metrics have harbor-container-webhook's names too; always where its file is given to 'weir webhook'."
            ),
        ]
    }
}

extension WebhookCheckSettings {
    static var keys: [Setting<Self>] {
        let range = Duration.zero...Duration.seconds(86_400)
        return [
            Setting(
                "timeout", \.timeout, .duration(.milliseconds(100)...Duration.seconds(60)), standard: .string("5s"),
                "Of one check; it may go on after a review's budget is used up, for the next one to know."),
            Setting(
                "positive", \.positive, .duration(range), standard: .string("10m"),
                "How long it is believed that an image is there."),
            Setting(
                "negative", \.negative, .duration(range), standard: .string("30s"),
                "How long it is believed that it is not."),
        ]
    }
}

extension WebhookPolicySettings {
    static var keys: [Setting<Self>] {
        let registries = Format.matcher.oneOrList
        let actions = Format.choice(ImagePolicy.Action.allCases.map(\.rawValue))
        return [
            Setting(
                "allow", \.allow, registries, standard: .array([]),
                "Registries that images may come from; none: any. What Weir serves counts as its own registry's too."),
            Setting(
                "deny", \.deny, registries, standard: .array([]),
                "Registries that no image may come from, whether through Weir or not."),
            Setting(
                "registries", \.registries, actions, standard: .string("deny"),
                "What becomes of pods with images from other registries."),
            Setting(
                "movingTags", \.movingTags, actions, standard: .string("allow"),
                "What becomes of pods with tags that move, such as 'latest', without a digest."),
            Setting(
                "missingDigests", \.missingDigests, actions, standard: .string("allow"),
                "What becomes of pods with images without a digest."),
        ]
    }
}

extension Format where Value == String {
    /// A name of an object in Kubernetes.
    static func kubernetesName(_ expectation: String) -> Format {
        .scalar(expectation, schema: JSONValue.typed("string"), show: { .string($0) }) { text throws(ValueProblem) in
            guard PullSecretName.isName(text) else {
                throw ValueProblem("is no name in Kubernetes; it has lower-case letters, digits, '-' and '.'")
            }
            return text
        }
    }
}
