package import ImageRewriting
package import OCI
package import Rules

/// How images are rewritten, checked.
package struct RewriteConfiguration: Sendable {
    /// Weir's address in rewritten images; nil where nobody said it.
    package var address: RegistryHost?
    package var form: DerivedRule.Form
    /// Whether what Weir's own rules serve is rewritten, after ``rules``.
    package var includesAll: Bool
    package var rules: [RewriteRule]
    /// Harbor's webhook's file, where one is named: for its address and certificates.
    package var harborWebhook: HarborWebhookConfiguration?

    package init(
        address: RegistryHost? = nil, form: DerivedRule.Form = .host, includesAll: Bool = true,
        rules: [RewriteRule] = [], harborWebhook: HarborWebhookConfiguration? = nil
    ) {
        self.address = address
        self.form = form
        self.includesAll = includesAll
        self.rules = rules
        self.harborWebhook = harborWebhook
    }

    /// - Parameters:
    ///   - table: Weir's own rules.
    ///   - check: what has to be true of what they serve.
    ///   - pullSecrets: what pods need for it.
    /// - Throws: where Weir's own rules are wanted, and there is no address.
    package func rewriter(
        _ table: RuleTable, check: UpstreamCheck? = nil, pullSecrets: [String] = []
    ) throws(RewriteConfigurationError) -> ImageRewriter {
        if includesAll, address == nil { throw .noAddress }
        do throws(RewriteRuleError) {
            var rules = rules
            if includesAll, let address {
                var all = RewriteRule.derived(
                    try DerivedRule(table: table, address: address, form: form), check: check)
                all.pullSecrets = pullSecrets
                rules.append(all)
            }
            return try ImageRewriter(rules)
        } catch {
            throw .rule(error)
        }
    }
}

/// Why there are no rules to rewrite by.
package enum RewriteConfigurationError: Error, Hashable, CustomStringConvertible {
    case noAddress
    case rule(RewriteRuleError)

    package var description: String {
        switch self {
        case .noAddress:
            "nobody said where Weir is reached; give --address HOST:PORT, or 'rewrite.address' in the configuration"
        case .rule(let error): error.description
        }
    }
}
