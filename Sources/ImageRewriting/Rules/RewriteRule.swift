internal import OCI

/// One step from an image to the one that is pulled in its place.
package struct RewriteRule: Sendable {
    enum Kind: Sendable {
        case derived(DerivedRule)
        case template(TemplateRule)
        case harbor(HarborWebhookRule)
    }

    package let name: String
    let kind: Kind
    package let check: UpstreamCheck?
    /// Names of secrets of type `kubernetes.io/dockerconfigjson` that a pod in any namespace pulls the result with.
    package var pullSecrets: [String] = []

    /// Everything that Weir's own rules serve, to Weir.
    /// - Parameter name: for reports; there is one such rule at most in most configurations.
    package static func derived(_ rule: DerivedRule, name: String = "all", check: UpstreamCheck? = nil) -> RewriteRule {
        RewriteRule(name: name, kind: .derived(rule), check: check)
    }

    package static func template(_ rule: TemplateRule, name: String, check: UpstreamCheck? = nil) -> RewriteRule {
        RewriteRule(name: name, kind: .template(rule), check: check)
    }

    package static func harbor(_ rule: HarborWebhookRule) -> RewriteRule {
        RewriteRule(name: rule.name, kind: .harbor(rule), check: rule.check)
    }

    /// Whether it asks for a namespace or for labels.
    var needsContext: Bool {
        guard case .template(let rule) = kind else { return false }
        return ([rule.match] + rule.exclude).contains { !$0.namespace.isEmpty || !$0.labels.isEmpty }
    }

    /// What everything that this rule makes begins with, so that it is known again.
    package var resultPrefix: String {
        switch kind {
        case .derived(let rule): rule.resultPrefix
        case .template(let rule): rule.replacement.literalPrefix
        case .harbor(let rule): rule.resultPrefix
        }
    }

    /// Nil where the rule does not match.
    func result(for image: WrittenImage, _ inputs: ImageInputs, in context: RewriteContext) -> String? {
        switch kind {
        case .derived(let rule): rule.result(for: image)
        case .template(let rule): rule.result(for: image, inputs, in: context)
        case .harbor(let rule): rule.result(for: image, inputs)
        }
    }

    /// What this rule may have made `image` of; to be proved by ``result(for:_:in:)``.
    func originals(of image: WrittenImage) -> [String] {
        switch kind {
        case .derived(let rule): rule.originals(of: image)
        case .template(let rule): rule.originals(of: image)
        case .harbor(let rule): rule.originals(of: image)
        }
    }
}

/// The parts of an image that patterns are matched against, made ready once for all rules.
struct ImageInputs {
    let registry: PatternInput
    let repository: PatternInput
    /// Nil where a digest stands alone.
    let tag: PatternInput?
    let dockerForm: PatternInput

    init(_ image: WrittenImage) {
        registry = PatternInput(image.reference.registry.description)
        repository = PatternInput(image.reference.repository.description)
        tag = image.reference.tag.map { PatternInput($0.description) }
        let form = image.dockerForm
        dockerForm = PatternInput(form.domain + form.rest)
    }
}
