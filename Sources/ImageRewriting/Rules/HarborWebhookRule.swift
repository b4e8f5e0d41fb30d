internal import OCI

/// A rule of harbor-container-webhook, with what it means there (indeedeng/harbor-container-webhook,
/// `internal/webhook/{transformer,docker}.go`).
///
/// Patterns match the normalised form anywhere; an image that any of `matches` and none of `excludes` matches gets
/// `replace` for its registry, and nothing else of it changes, but that it is normalised: a missing tag becomes
/// `latest`, and a tag beside a digest goes.
package struct HarborWebhookRule: Sendable, Hashable {
    package let name: String
    package let matches: [Pattern]
    package let excludes: [Pattern]
    package let replace: String
    package let check: UpstreamCheck?

    /// - Parameters:
    ///   - platforms: as written; `linux/amd64` where there are none.
    ///   - authSecretName: nil and empty mean none.
    package init(
        name: String, matches: [String], excludes: [String] = [], replace: String, checkUpstream: Bool = false,
        platforms: [String] = [], authSecretName: String? = nil
    ) throws(RewriteRuleError) {
        self.name = name
        self.matches = try Self.patterns(matches)
        self.excludes = try Self.patterns(excludes)
        guard !replace.isEmpty else { throw .replacementIsEmpty }
        self.replace = replace
        var parsed: [Platform] = []
        for text in platforms {
            guard let platform = Platform(text) else { throw .malformedPlatform(text) }
            parsed.append(platform)
        }
        if parsed.isEmpty { parsed = [Platform(os: "linux", architecture: "amd64")] }
        let secret = authSecretName.flatMap { $0.isEmpty ? nil : $0 }
        check =
            checkUpstream ? UpstreamCheck(platforms: parsed, secretName: secret, takesSecretKeysAsPatterns: true) : nil
    }

    private static func patterns(_ texts: [String]) throws(RewriteRuleError) -> [Pattern] {
        var patterns: [Pattern] = []
        for text in texts {
            do { patterns.append(try Pattern(text)) } catch { throw .pattern(text, error) }
        }
        return patterns
    }

    var resultPrefix: String { replace.hasSuffix("/") ? replace : "\(replace)/" }

    func result(for image: WrittenImage, _ inputs: ImageInputs) -> String? {
        guard matches.contains(where: { $0.matches(inputs.dockerForm) }),
            !excludes.contains(where: { $0.matches(inputs.dockerForm) })
        else { return nil }
        return replace + image.dockerForm.rest
    }

    /// The registries that the patterns begin with; the rest of the name is as it was.
    func originals(of image: WrittenImage) -> [String] {
        guard image.name.hasPrefix("\(replace)/") else { return [] }
        let rest = image.text.dropFirst(replace.count)
        return matches.compactMap { Self.registry(leading: $0.description) }.map { "\($0)\(rest)" }
    }

    /// `docker.io` of `^docker\.io/(library/)?ubuntu`; nil where the pattern does not begin with one.
    private static func registry(leading pattern: String) -> String? {
        var host = ""
        var isEscaped = false
        for character in pattern.drop(while: { $0 == "^" }) {
            if character == "\\", !isEscaped {
                isEscaped = true
                continue
            }
            guard character.isASCII, character.isLetter || character.isNumber || ".-:".contains(character) else {
                break
            }
            isEscaped = false
            host.append(character)
        }
        return RegistryHost.isLikelyHost(host) && (try? RegistryHost(host)) != nil ? host : nil
    }
}
