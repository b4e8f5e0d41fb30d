internal import ImageRewriting
internal import OCI
internal import QuotaGovernor
internal import Rules
internal import UpstreamClient

/// What a container engine needs to pull through Weir: whole files, and what else there is to do.
struct ClientConfiguration: Hashable {
    /// The engines that files can be written for.
    enum Engine: String, CaseIterable {
        case docker, containerd, k3s, podman, crio
        /// Not engines but policies of a cluster that rewrite what its engines pull.
        case kyverno
        case mutatingAdmissionPolicy = "mutating-admission-policy"
        /// The registration of Weir's own admission webhook.
        case webhook

        /// Whether Weir's address gets into the images of a cluster's pods.
        var isPolicy: Bool { self == .kyverno || self == .mutatingAdmissionPolicy }
    }

    /// A file as it has to be.
    struct File: Hashable, Encodable {
        var path: String
        var content: String
    }

    /// Where Weir answers, as its clients see it.
    struct Server: Hashable {
        var address: RegistryHost
        var usesTLS: Bool
        /// A PEM file on the client's machine that Weir's certificate is verified with; nil: the system's authorities.
        var authorityFile: String?

        var url: String { "\(usesTLS ? "https" : "http")://\(address)" }
    }

    /// A registry whose images go through Weir.
    struct MirroredRegistry: Hashable {
        /// As references name it.
        var host: RegistryHost
        /// Where a client finds it without Weir.
        var serverURL: String
        /// What leads to it in a path: the rule's prefix, else the host. Nil where neither can be in a path.
        var path: String?
    }

    var files: [File]
    /// What has to be done beside, one sentence each.
    var notes: [String]

    /// - Parameter fallsBack: whether a client goes to the registry itself while Weir is down.
    init(
        _ engine: Engine, server: Server, rules: RuleTable, upstreams: [RuleName: RuleUpstream],
        fallsBack: Bool, form: DerivedRule.Form = .host, webhook: WebhookRegistration = WebhookRegistration()
    ) throws(ValueProblem) {
        let registries = Self.registries(rules, upstreams: upstreams)
        switch engine {
        case .docker: self = try Self.docker(server, rules: rules, registries: registries)
        case .containerd: self = Self.containerd(server, registries: registries, fallsBack: fallsBack)
        case .k3s: self = Self.k3s(server, registries: registries, fallsBack: fallsBack)
        case .podman: self = Self.registriesConf(server, registries: registries, fallsBack: fallsBack, isCRIO: false)
        case .crio: self = Self.registriesConf(server, registries: registries, fallsBack: fallsBack, isCRIO: true)
        case .kyverno:
            self = Self.kyverno(
                try Self.mappings(server, rules: rules, form: form), sparing: webhook.sparedNamespaces)
        case .mutatingAdmissionPolicy:
            self = Self.mutatingAdmissionPolicy(
                try Self.mappings(server, rules: rules, form: form), sparing: webhook.sparedNamespaces)
        case .webhook: self = Self.webhook(webhook)
        }
    }

    private static func mappings(
        _ server: Server, rules: RuleTable, form: DerivedRule.Form
    ) throws(ValueProblem) -> [PrefixMapping] {
        do {
            return try DerivedRule(table: rules, address: server.address, form: form).mappings
        } catch {
            throw ValueProblem("\(error)")
        }
    }

    init(files: [File], notes: [String]) {
        self.files = files
        self.notes = notes
    }

    /// The registries whose names lead to a rule.
    private static func registries(
        _ rules: RuleTable, upstreams: [RuleName: RuleUpstream]
    ) -> [MirroredRegistry] {
        rules.rules.compactMap { rule in
            guard let host = rule.host, let upstream = upstreams[rule.name]?.governor.client else { return nil }
            let scheme = upstream.host == host && !upstream.usesTLS ? "http" : "https"
            let server = host == .dockerHub ? "registry-1.docker.io" : host.description
            // A path has no ':', so that a host with a port can only be reached by its rule's prefix.
            let path = rule.prefix ?? (host.port == nil && !host.name.hasPrefix("[") ? host.name : nil)
            return MirroredRegistry(host: host, serverURL: "\(scheme)://\(server)", path: path)
        }
    }
}
