internal import ImageRewriting
internal import OCI

/// Makes the rules for rewriting from what is configured.
struct RewriteAssembly {
    private(set) var configuration: RewriteConfiguration
    private(set) var problems: [ConfigurationProblem] = []

    /// - Parameter source: what a problem without a place of its own is said to be in.
    init(_ settings: RewriteSettings, source: String) {
        configuration = RewriteConfiguration(
            address: settings.address, form: DerivedRule.Form(rawValue: settings.form) ?? .host)
        for (index, rule) in settings.rules.enumerated() {
            let name = rule.value.name ?? "\(index + 1)"
            guard let replace = rule.value.replace else {
                problems.append(
                    ConfigurationProblem(
                        "the rule '\(name)' replaces nothing; add 'replace: HOST/{repository}'", at: rule.place))
                continue
            }
            guard let replacement = replace.value else { continue }
            do throws(RewriteRuleError) {
                let template = try TemplateRule(
                    match: Self.conditions(rule.value.match), exclude: rule.value.exclude.map(Self.conditions),
                    replacement: replacement)
                let check = UpstreamCheck(platforms: rule.value.platforms, secretName: rule.value.authSecretName)
                var made = RewriteRule.template(template, name: name, check: rule.value.checkUpstream ? check : nil)
                made.pullSecrets = rule.value.pullSecrets
                configuration.rules.append(made)
            } catch {
                problems.append(ConfigurationProblem("\(error)", at: replace.place))
            }
        }
        if let path = settings.harborWebhook {
            do throws(HarborWebhookFileError) {
                let harbor = try HarborWebhookFile.read(path)
                configuration.harborWebhook = harbor
                configuration.rules += harbor.rewriteRules
            } catch {
                problems.append(ConfigurationProblem("\(error)", at: .init(source: path, line: error.line)))
            }
        }
        if configuration.rules.count >= ImageRewriter.ruleLimit {
            problems.append(
                ConfigurationProblem(
                    "'rewrite' has more than \(ImageRewriter.ruleLimit - 1) rules", at: .init(source: source)))
        }
        configuration.includesAll = settings.all ?? (settings.rules.isEmpty && settings.harborWebhook == nil)
    }

    private static func conditions(_ settings: RewriteConditionSettings) -> TemplateRule.Conditions {
        TemplateRule.Conditions(
            registry: settings.registry, repository: settings.repository, tag: settings.tag,
            namespace: settings.namespace,
            labels: Dictionary(
                settings.labels.map { ($0.key.value, $0.value) }, uniquingKeysWith: { first, _ in first }))
    }
}
