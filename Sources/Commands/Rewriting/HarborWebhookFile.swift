internal import ImageRewriting
internal import Yams

/// Reads harbor-container-webhook's configuration file unchanged (`internal/config/config.go`: `port`, `certDir`,
/// `healthAddr`, `metricsAddr`, `verbose`, `rules`).
///
/// As there, keys that are not known are ignored, and a file without rules is an error.
enum HarborWebhookFile {
    static func read(_ path: String) throws(HarborWebhookFileError) -> HarborWebhookConfiguration {
        let text: String
        do throws(FileReadError) {
            text = try readTextFile(path, limitBytes: YAMLDocument.sizeLimitBytes)
        } catch {
            throw HarborWebhookFileError("the file \(error.reason)")
        }
        return try parse(text)
    }

    static func parse(_ text: String) throws(HarborWebhookFileError) -> HarborWebhookConfiguration {
        let root: Node?
        do throws(ConfigurationProblem) {
            root = try YAMLDocument.parse(text, source: "")
        } catch {
            throw HarborWebhookFileError(error.message, line: error.place.line)
        }
        guard case .mapping(let mapping)? = root else {
            throw HarborWebhookFileError("this is no configuration of harbor-container-webhook: it has no 'rules'")
        }
        guard case .sequence(let list)? = mapping["rules"], !list.isEmpty else {
            throw HarborWebhookFileError("there are no 'rules'", line: mapping["rules"]?.mark?.line)
        }
        var rules: [HarborWebhookRule] = []
        for (index, node) in list.enumerated() { rules.append(try rule(node, number: index + 1)) }
        let port = try scalar("port", in: mapping).map { text in Int(text) } ?? 9443
        guard let port, (1...65_535).contains(port) else {
            throw HarborWebhookFileError("'port' is no port", line: mapping["port"]?.mark?.line)
        }
        return HarborWebhookConfiguration(
            port: port, certificateDirectory: try scalar("certDir", in: mapping),
            healthAddress: try scalar("healthAddr", in: mapping) ?? "",
            metricsAddress: try scalar("metricsAddr", in: mapping) ?? "",
            isVerbose: try flag("verbose", in: mapping), rules: rules)
    }

    private static func rule(_ node: Node, number: Int) throws(HarborWebhookFileError) -> HarborWebhookRule {
        guard case .mapping(let mapping) = node else {
            throw HarborWebhookFileError("rule \(number) is no group of keys", line: node.mark?.line)
        }
        let name = try scalar("name", in: mapping) ?? "\(number)"
        let (matches, excludes) = (try list("matches", in: mapping), try list("excludes", in: mapping))
        let replace = try scalar("replace", in: mapping) ?? ""
        let checkUpstream = try flag("checkUpstream", in: mapping)
        let platforms = try list("platforms", in: mapping)
        let secret = try scalar("authSecretName", in: mapping)
        do throws(RewriteRuleError) {
            return try HarborWebhookRule(
                name: name, matches: matches, excludes: excludes, replace: replace, checkUpstream: checkUpstream,
                platforms: platforms, authSecretName: secret)
        } catch {
            throw HarborWebhookFileError("rule \(number): \(error)", line: node.mark?.line)
        }
    }

    private static func scalar(
        _ key: String, in mapping: Node.Mapping
    ) throws(HarborWebhookFileError) -> String? {
        guard let node = mapping[key], !SettingsReader.isNull(node) else { return nil }
        guard case .scalar(let scalar) = node else {
            throw HarborWebhookFileError("'\(key)' is no single value", line: node.mark?.line)
        }
        return scalar.string
    }

    private static func flag(_ key: String, in mapping: Node.Mapping) throws(HarborWebhookFileError) -> Bool {
        guard let text = try scalar(key, in: mapping) else { return false }
        switch text.lowercased() {
        case "true", "yes", "on", "y": return true
        case "false", "no", "off", "n": return false
        default: throw HarborWebhookFileError("'\(key)' is neither true nor false", line: mapping[key]?.mark?.line)
        }
    }

    private static func list(_ key: String, in mapping: Node.Mapping) throws(HarborWebhookFileError) -> [String] {
        guard let node = mapping[key], !SettingsReader.isNull(node) else { return [] }
        guard case .sequence(let sequence) = node else {
            throw HarborWebhookFileError("'\(key)' is no list", line: node.mark?.line)
        }
        var texts: [String] = []
        for item in sequence {
            guard case .scalar(let scalar) = item else {
                throw HarborWebhookFileError("'\(key)' has something else than texts", line: item.mark?.line)
            }
            texts.append(scalar.string)
        }
        return texts
    }
}

/// What is wrong with harbor-container-webhook's file.
struct HarborWebhookFileError: Error, CustomStringConvertible {
    let description: String
    let line: Int?

    init(_ description: String, line: Int? = nil) {
        self.description = description
        self.line = line
    }
}
