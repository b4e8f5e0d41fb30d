/// What a part of an image, a namespace or a label has to look like.
package struct Matcher: Sendable, Hashable, CustomStringConvertible {
    package let description: String
    let pattern: Pattern
    /// The text itself, where it has no `*` and is no regular expression.
    let literal: String?

    /// Parses `nginx`, `library/*` (as a whole; `*` is any run of characters, also none), or `/regular expression/`
    /// (RE2, anywhere in the text, as everywhere in its world). None of the parts may begin with a slash, so that
    /// there is no doubt.
    package init(_ text: String) throws(RewriteRuleError) {
        description = text
        do throws(PatternError) {
            if text.utf8.count >= 2, text.hasPrefix("/"), text.hasSuffix("/") {
                pattern = try Pattern(String(text.dropFirst().dropLast()))
                literal = nil
            } else {
                pattern = try Pattern(glob: text)
                literal = text.contains("*") ? nil : text
            }
        } catch {
            throw .pattern(text, error)
        }
    }

    package func matches(_ input: PatternInput) -> Bool { pattern.matches(input) }
}
