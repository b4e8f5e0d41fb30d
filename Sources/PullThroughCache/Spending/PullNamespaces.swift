package import Rules

/// For which Kubernetes namespace the client at `address` pulls: nil where that is not known, or there is no cluster.
///
/// Called once for each manifest GET of an upstream, on the task that made it: answers from memory, and quickly.
/// - Parameters:
///   - address: the client's IP address, without port.
///   - reference: a tag, or a digest where no tag is known for it.
package typealias PullNamespaces =
    @Sendable (_ address: String, _ repository: RepositoryKey, _ reference: String) -> String?
