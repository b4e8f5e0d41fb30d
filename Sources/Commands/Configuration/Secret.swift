package import CredentialSources

/// A text that is never printed, logged or shown: only ``reveal()`` gives it out.
package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// What stands in place of a secret.
    package static let mask = "********"

    private let text: String
    /// How to put it together again, where files are in it that may change.
    package let template: SecretTemplate

    package init(_ text: String, template: SecretTemplate? = nil) {
        self.text = text
        self.template = template ?? SecretTemplate(text)
    }

    /// For the account that it belongs to, and for nothing else.
    package func reveal() -> String { text }

    package var description: String { Self.mask }
    package var debugDescription: String { Self.mask }
    /// Without children, so that `dump` and string interpolation of an enclosing value show nothing.
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
