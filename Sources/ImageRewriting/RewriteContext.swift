/// What is known of where an image is used; rules may ask for it.
package struct RewriteContext: Sendable, Hashable {
    /// Nil where it is not known, as for most files: a rule that asks for a namespace does not match then.
    package var namespace: String?
    /// The pod's own labels.
    package var labels: [String: String]

    package init(namespace: String? = nil, labels: [String: String] = [:]) {
        self.namespace = namespace
        self.labels = labels
    }
}
