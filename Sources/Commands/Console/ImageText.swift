/// An image as people write it: `rule/repository:tag`, or with `@` before a digest.
///
/// - Parameters:
///   - repository: with the rule's name before it.
///   - reference: a tag or a digest; no tag has a colon.
func imageText(_ repository: String, _ reference: String) -> String {
    "\(repository)\(reference.contains(":") ? "@" : ":")\(reference)"
}
