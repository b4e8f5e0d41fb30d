internal import OCI
internal import Rules

/// Says what image is pulled in place of another: one decision for files, for policies and at admission.
///
/// A value without clock, network or memory: the same image under the same rules has the same answer everywhere.
/// Rewriting is idempotent: what ``rewriting(of:in:)`` makes it leaves alone afterwards, since everything that a rule
/// makes begins with the rule's ``RewriteRule/resultPrefix``, and what begins so is never touched.
package struct ImageRewriter: Sendable {
    package static let ruleLimit = 1000

    package let rules: [RewriteRule]
    /// Whether the answer depends on where an image is used, and not on the image alone.
    package let needsContext: Bool

    package init(_ rules: [RewriteRule]) throws(RewriteRuleError) {
        guard rules.count <= Self.ruleLimit else { throw .tooManyRules(limit: Self.ruleLimit) }
        self.rules = rules
        needsContext = rules.contains(where: \.needsContext)
    }

    /// - Parameter image: as it is written, in any form; what is no reference stays as it is.
    package func rewriting(of image: String, in context: RewriteContext = RewriteContext()) -> Rewriting {
        let written: WrittenImage
        do { written = try WrittenImage(image) } catch { return Rewriting(image, unchanged: .noReference(error)) }
        if let rule = rules.first(where: { image.utf8.starts(with: $0.resultPrefix.utf8) }) {
            return Rewriting(image, unchanged: .alreadyRewritten(rule: rule.name))
        }
        let inputs = ImageInputs(written)
        var candidates: [RewriteCandidate] = []
        var malformed: String?
        for rule in rules {
            guard let result = rule.result(for: written, inputs, in: context), result != image else { continue }
            guard (try? ImageReference(result)) != nil else {
                malformed = malformed ?? rule.name
                continue
            }
            guard !candidates.contains(where: { $0.image == result && $0.check == nil }) else { continue }
            candidates.append(
                RewriteCandidate(
                    image: result, rule: rule.name, check: rule.check, pullSecrets: rule.pullSecrets))
        }
        if candidates.isEmpty, let malformed { return Rewriting(image, unchanged: .malformedResult(rule: malformed)) }
        return Rewriting(image, candidates: candidates)
    }

    /// The image that was rewritten to `image`; nil where no rule made it, or where that cannot be told for sure.
    ///
    /// What a rule proposes is believed only if rewriting it gives `image` again. Of images at Docker Hub several
    /// spellings do; the whole one is given (`docker.io/library/nginx`), since it means the same to every client.
    package func original(of image: String, in context: RewriteContext = RewriteContext()) -> String? {
        guard let written = try? WrittenImage(image) else { return nil }
        var found: [ImageReference: String] = [:]
        for rule in rules where image.utf8.starts(with: rule.resultPrefix.utf8) {
            for original in rule.originals(of: written) {
                guard let reference = try? ImageReference(original),
                    leads(original, to: written, in: context)
                else { continue }
                found[reference] = original
            }
        }
        return found.count == 1 ? found.values.first : nil
    }

    /// A missing tag may have become `latest` on the way; a derived rule may have been asked for its other form.
    private func leads(_ original: String, to image: WrittenImage, in context: RewriteContext) -> Bool {
        let candidates = rewriting(of: original, in: context).candidates
        if candidates.contains(where: { $0.image == image.text }) { return true }
        return candidates.contains { candidate in
            guard let rule = rules.first(where: { $0.name == candidate.rule }), case .derived(let derived) = rule.kind
            else { return (try? ImageReference(candidate.image)) == image.reference }
            return derived.isSame(candidate.image, as: image)
        }
    }
}

extension DerivedRule {
    /// Whether both lead to one repository and have the same tag and digest.
    func isSame(_ image: String, as other: WrittenImage) -> Bool {
        guard let image = try? WrittenImage(image), image.suffix == other.suffix else { return false }
        return key(image) != nil && key(image) == key(other)
    }

    private func key(_ image: WrittenImage) -> RepositoryKey? {
        guard image.name.hasPrefix(resultPrefix) else { return nil }
        let path = String(image.name.dropFirst(resultPrefix.count))
        return try? table.resolve(path, namespace: nil, authority: address.description).repository
    }
}
