internal import ImageRewriting
internal import OCI
internal import Yams

/// How images are rewritten in files, policies and at admission.
struct RewriteSettings {
    var address: RegistryHost?
    var form = "host"
    var all: Bool?
    var rules: [Located<RewriteRuleSettings>] = []
    var harborWebhook: String?
}

struct RewriteRuleSettings {
    var name: String?
    var match = RewriteConditionSettings()
    var exclude: [RewriteConditionSettings] = []
    /// Nil inside where it is given and wrong.
    var replace: Located<Replacement?>?
    var checkUpstream = false
    var platforms: [Platform] = [Platform(os: "linux", architecture: "amd64")]
    var authSecretName: String?
    var pullSecrets: [String] = []
}

struct RewriteConditionSettings {
    var registry: [Matcher] = []
    var repository: [Matcher] = []
    var tag: [Matcher] = []
    var namespace: [Matcher] = []
    var labels: [TableEntry<String, [Matcher]>] = []
}

extension RewriteSettings {
    static var keys: [Setting<Self>] {
        [
            Setting(
                "address", \.address, .weirAddress,
                "Weir's address in rewritten images, as those see it who pull: HOST:PORT, or a name with a dot."),
            Setting(
                "form", \.form, .choice(["host", "prefix"]), standard: .string("host"),
                "'host' makes ADDRESS/docker.io/library/nginx, 'prefix' puts the rule's name in place of the registry's."
            ),
            Setting(
                "all", \.all, .flag, standard: .string("true without 'rules' and 'harborWebhook'"),
                "Whether everything that 'rules' of the configuration serve by a registry's name is rewritten to Weir."),
            Setting(
                "rules", \.rules,
                Format.group(RewriteRuleSettings.keys, { RewriteRuleSettings() }).located.list, standard: .array([]),
                "Rules of one's own, before 'all'; the first that changes an image has it."),
            Setting(
                "harborWebhook", \.harborWebhook, .existingFile("a YAML file"),
                "A configuration file of harbor-container-webhook, whose rules come after 'rules'."),
        ]
    }
}

extension RewriteRuleSettings {
    static var keys: [Setting<Self>] {
        [
            Setting("name", \.name, .text("a name"), "What reports call the rule. Default: its number."),
            Setting(
                "match", \.match, .group(RewriteConditionSettings.keys, { RewriteConditionSettings() }),
                "What all has to hold; nothing means every image."),
            Setting(
                "exclude", \.exclude,
                Format.group(RewriteConditionSettings.keys, { RewriteConditionSettings() }).list,
                standard: .array([]), "Exceptions: any one of them that holds leaves the image to the other rules."),
            Setting(
                "replace", \.replace, Format.replacement.tolerant.located,
                "Put in place of registry and repository, with '{registry}', '{repository}', and '{1}' and so on for what "
                    + "matched; tag and digest stay. Required."),
            Setting(
                "checkUpstream", \.checkUpstream, .flag, standard: .bool(false),
                "Whether the admission webhook rewrites only to an image that exists."),
            Setting(
                "platforms", \.platforms, Format.platform.list, standard: .array([.string("linux/amd64")]),
                "The platforms that the check wants."),
            Setting(
                "authSecretName", \.authSecretName, .text("a secret's name"),
                "A secret of type kubernetes.io/dockerconfigjson for the check, in the webhook's namespace."),
            Setting(
                "pullSecrets", \.pullSecrets, Format.kubernetesName("a secret's name").list, standard: .array([]),
                "Secrets that the admission webhook gives to pods with images that the rule changed."),
        ]
    }
}

extension RewriteConditionSettings {
    static var keys: [Setting<Self>] {
        let list = Format.matcher.oneOrList
        return [
            Setting(
                "registry", \.registry, list, standard: .array([]),
                "As references name it: 'docker.io'. '*' is any run of characters; '/…/' a regular expression (RE2)."),
            Setting("repository", \.repository, list, standard: .array([]), "Made whole: 'library/nginx'."),
            Setting("tag", \.tag, list, standard: .array([]), "'latest' where neither tag nor digest is given."),
            Setting("namespace", \.namespace, list, standard: .array([]), "The pod's namespace."),
            Setting(
                "labels", \.labels,
                list.table(keyExpectation: "names", showKey: { $0 }, parseKey: { text throws(ValueProblem) in text }),
                standard: .object([]), "The pod's labels."),
        ]
    }
}

extension Format where Value == Matcher {
    static var matcher: Format {
        .scalar(
            "a text with '*', or '/a regular expression/'", schema: JSONValue.typed("string", "number"),
            show: { .string($0.description) }
        ) { text throws(ValueProblem) in
            do throws(RewriteRuleError) {
                guard !text.isEmpty else { throw .replacementIsEmpty }
                return try Matcher(text)
            } catch {
                guard case .pattern(_, let reason) = error else { throw ValueProblem("is empty; give a text") }
                throw ValueProblem("is no pattern: \(reason)")
            }
        }
    }
}

extension Format where Value == Replacement {
    static var replacement: Format {
        .scalar(
            "a registry and a path, such as 'weir.corp/hub/{repository}'", schema: JSONValue.typed("string"),
            show: { .string($0.description) }
        ) { text throws(ValueProblem) in
            do { return try Replacement(text) } catch { throw ValueProblem("cannot be used: \(error)") }
        }
    }
}

extension Format where Value == Platform {
    static var platform: Format {
        .scalar(
            "a platform, such as 'linux/amd64'", schema: JSONValue.typed("string"), show: { .string($0.description) }
        ) { text throws(ValueProblem) in
            guard let platform = Platform(text) else { throw ValueProblem("is no platform; write OS/ARCHITECTURE") }
            return platform
        }
    }
}

extension Format where Value == RegistryHost {
    /// An address that references can begin with.
    static var weirAddress: Format {
        .scalar(
            "HOST:PORT, or a name with a dot", schema: JSONValue.typed("string"), show: { .string($0.description) }
        ) { text throws(ValueProblem) in
            guard let host = try? RegistryHost(text), RegistryHost.isLikelyHost(host.description) else {
                throw ValueProblem("cannot begin an image's name; write HOST:PORT, or a name with a dot in it")
            }
            return host
        }
    }
}

extension Format where Value == RewriteSettings {
    /// A group, or the word `all`.
    static var rewrite: Format {
        let group = Format.group(RewriteSettings.keys, { RewriteSettings() })
        return Format(
            expectation: "a group of keys, or 'all'",
            schema: .object([
                .init("anyOf", .array([.object([.init("const", .string("all"))]), group.schema]))
            ]),
            members: group.members,
            read: { node, old, reader in
                if case .scalar(let scalar) = node, scalar.string == "all" {
                    var settings = old ?? RewriteSettings()
                    settings.all = true
                    return settings
                }
                return group.read(node, old, &reader)
            },
            show: group.show)
    }
}
