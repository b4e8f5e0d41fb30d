internal import OCI
internal import Rules
internal import Yams

extension Format where Value == Settings {
    /// The whole configuration.
    static var configuration: Format { .group(Settings.keys, { Settings() }) }
}

extension Settings {
    /// Every key of the configuration file, in the order in which they are documented.
    static var keys: [Setting<Settings>] {
        [
            Setting(
                "include", \.include, Format.path("a configuration file").located.oneOrList, standard: .array([]),
                "Files of the same form, which this one is laid over; SOPS may have encrypted them."),
            Setting(
                "rulesFrom", \.rulesFrom, Format.path("a file of rules").located.oneOrList, standard: .array([]),
                "Files that hold what stands under 'rules' and nothing else; SOPS may have encrypted them."),
            Setting(
                "decryption", \.decryption, .group(DecryptionSettings.keys, { DecryptionSettings() }),
                "Keys to files encrypted by SOPS, beside those that sops itself would take."),
            Setting(
                "listen", \.listen, Format.listenAddress.oneOrList, standard: .string("0.0.0.0:5000"),
                "Where clients connect. Port 0 takes a free one."),
            Setting(
                "tls", \.tls, Format.group(ServerTLSSettings.keys, { ServerTLSSettings() }).located,
                "Serves HTTPS (with HTTP/2) in place of HTTP. The files are read again at every reload."),
            Setting(
                "storage", \.storage, .group(StorageSettings.keys, { StorageSettings() }), "What is kept, and where."),
            Setting(
                "defaultRule", \.defaultRule, Format.text("the name of a rule, or 'none'").located,
                standard: .string("the rule that answers for docker.io"),
                "The rule that serves names without a prefix and without a registry."),
            Setting(
                "wellKnownRegistries", \.wellKnownRegistries, Format.wellKnownSelection.located, standard: .bool(true),
                "Registries served without a rule of their own: all, none, or those listed."),
            Setting(
                "rules", \.rules,
                Format.group(RuleSettings.keys, { RuleSettings() }).table(
                    keyExpectation: "names", showKey: \.description, parseKey: parseRuleName),
                "Registries to pull from, by the prefix under which clients find them (weir:5000/NAME/…)."),
            Setting(
                "freshness", \.freshness, .group(FreshnessSettings.keys(standards: true), { FreshnessSettings() }),
                "How long a tag's answer is used unasked; for every rule that does not say otherwise."),
            Setting(
                "outage", \.outage, .group(OutageSettings.keys(standards: true), { OutageSettings() }),
                "What clients get while an upstream fails; for every rule that does not say otherwise."),
            Setting("refresh", \.refresh, .group(RefreshSettings.keys, { RefreshSettings() }), "Forced revalidation."),
            Setting(
                "limits", \.limits, .group(LimitSettings.keys, { LimitSettings() }), "Bounds of what is held at once."),
            Setting(
                "timeouts", \.timeouts, .group(ServerTimeoutSettings.keys, { ServerTimeoutSettings() }),
                "Bounds on how long a client may take."),
            Setting(
                "proxy", \.proxy, .group(ProxyFileSettings.keys, { ProxyFileSettings() }),
                "Proxies on the way to upstreams."),
            Setting("log", \.log, .group(LogSettings.keys, { LogSettings() }), "What is written to standard error."),
            Setting(
                "control", \.control, .group(ControlSettings.keys, { ControlSettings() }),
                "How weir's commands reach the service."),
            Setting(
                "rewrite", \.rewrite, .rewrite,
                "How images are rewritten in files, by policies and at admission; 'all' means by the rules above."),
            Setting(
                "kubernetes", \.kubernetes, .group(KubernetesSettings.keys, { KubernetesSettings() }),
                "A cluster to follow: images that its pods use are not evicted. Given, even empty, it is followed."),
            Setting(
                "node", \.node, .group(NodeSettings.keys, { NodeSettings() }),
                "How 'weir node' shares this machine's images with its peers; 'weir serve' reads it with 'node.store'."),
            Setting(
                "grants", \.grants, .group(GrantSettings.settings, { GrantSettings() }),
                "Which nodes may give each other which private repositories. Without it nothing is signed."),
            Setting(
                "webhook", \.webhook, .group(WebhookFileSettings.keys, { WebhookFileSettings() }),
                "The admission webhook of a Kubernetes cluster, which rewrites and judges pods' images."),
        ]
    }

    /// A rule's name is a prefix that clients put before a repository, so that it must be possible in a reference.
    private static func parseRuleName(_ text: String) throws(ValueProblem) -> RuleName {
        do {
            _ = try RepositoryName(text)
            return try RuleName(text)
        } catch let error as RuleNameError {
            throw ValueProblem("cannot name a rule: \(error)")
        } catch {
            throw ValueProblem(
                "cannot name a rule, since it is the first part of image names: lower-case letters and digits, joined "
                    + "by '.', '_' or '-', in parts separated by '/'")
        }
    }
}

extension DecryptionSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "ageKeyFile", \.ageKeyFile, Format.path("a file of age keys").located,
                "age keys, as 'age-keygen' writes them; a file locked with a passphrase has to be armored."),
            Setting("ageKey", \.ageKey, Format.secret("an age key").located, "An age key itself."),
            Setting(
                "agePassphrase", \.agePassphrase, Format.secret("a passphrase").located,
                "What the file of keys is locked with."),
        ]
    }
}

extension Format where Value == WellKnownSelection {
    static var wellKnownSelection: Format {
        let list = Format<RegistryHost>.wellKnownHost.list
        let flag = Format<Bool>.flag
        return Format(
            expectation: "true, false, or a list of \(WellKnownRegistry.names.joined(separator: ", "))",
            schema: .object([.init("oneOf", .array([flag.schema, list.schema]))]),
            read: { node, _, reader in
                if case .sequence = node { return list.read(node, nil, &reader).map { .some($0) } }
                return flag.read(node, nil, &reader).map { $0 ? .all : .none }
            },
            show: { selection in
                switch selection {
                case .all: .bool(true)
                case .none: .bool(false)
                case .some(let hosts): list.show(hosts)
                }
            })
    }
}

extension Format where Value == RegistryHost {
    fileprivate static var wellKnownHost: Format {
        let word = Format<String>.choice(WellKnownRegistry.names)
        return Format(
            expectation: word.expectation, schema: word.schema,
            read: { node, _, reader in
                word.read(node, nil, &reader).flatMap { name in
                    WellKnownRegistry.all.first { $0.host.description == name }?.host
                }
            },
            show: { .string("\($0)") })
    }
}
