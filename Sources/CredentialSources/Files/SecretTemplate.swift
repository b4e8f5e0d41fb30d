/// A text with references in it, `Bearer ${file:/run/secrets/token}`, as parts that can be put together again and
/// again. Never printed.
package struct SecretTemplate: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    package enum Part: Sendable, Hashable {
        /// What stands in the configuration itself or came from the environment, which does not change.
        case text(String)
        /// The content of a file, without the newline at its end.
        case file(path: String)
    }

    package let parts: [Part]

    package init(_ parts: [Part]) { self.parts = parts }

    package init(_ text: String) { self.init([.text(text)]) }

    /// The files in it, each once.
    package var files: [String] {
        var files: [String] = []
        for case .file(let path) in parts where !files.contains(path) { files.append(path) }
        return files
    }

    package var description: String { "********" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
