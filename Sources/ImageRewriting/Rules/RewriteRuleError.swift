package import OCI

/// Why a rule for rewriting cannot be used.
package enum RewriteRuleError: Error, Hashable, CustomStringConvertible {
    case tooManyRules(limit: Int)
    case pattern(String, PatternError)
    case addressIsNoHost(RegistryHost)
    case replacementIsEmpty
    /// Without a fixed host at its beginning nobody could tell a rewritten image from another.
    case replacementBeginsWithoutHost(String)
    case replacementIsMalformed(String)
    case unknownPlaceholder(String)
    case noMatches(rule: String)
    case malformedPlatform(String)

    package var description: String {
        switch self {
        case .tooManyRules(let limit): "there are more than \(limit) rules"
        case .pattern(let text, let error): "'\(text)' is no pattern: \(error)"
        case .addressIsNoHost(let address):
            "'\(address)' cannot begin a reference: give Weir's address with its port, or a name with a dot"
        case .replacementIsEmpty: "the replacement is empty"
        case .replacementBeginsWithoutHost(let text):
            "the replacement '\(text)' has to begin with a registry's host and '/', such as 'weir.corp:5000/'"
        case .replacementIsMalformed(let text):
            "the replacement '\(text)' is a registry and a path, with '{registry}', '{repository}', and '{1}' and so on "
                + "for what matched"
        case .unknownPlaceholder(let name):
            "'{\(name)}' stands for nothing; there are '{registry}', '{repository}', and what '*' and groups in "
                + "'repository' match, by number or name"
        case .noMatches(let rule): "the rule '\(rule)' has no 'matches'"
        case .malformedPlatform(let text): "'\(text)' is no platform; write OS/ARCHITECTURE, such as 'linux/amd64'"
        }
    }
}
