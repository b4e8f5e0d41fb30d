internal import Foundation
package import KubernetesClient

/// Why a secret is of no use. Descriptions hold nothing of its content.
package enum PullSecretFailure: Error, Hashable, Sendable, CustomStringConvertible {
    case missing
    /// Of another type, or with a content that is none.
    case malformed(reason: String)
    /// It may be there, and could not be read or written.
    case unavailable(reason: String)

    package var description: String {
        switch self {
        case .missing: "there is no such secret"
        case .malformed(let reason): "the secret cannot be used: \(reason)"
        case .unavailable(let reason): "the secret could not be had: \(reason)"
        }
    }
}

/// What of a Secret says how registries are pulled from: types `kubernetes.io/dockerconfigjson` and
/// `kubernetes.io/dockercfg`. Kubernetes documentation, "Docker config Secrets".
package enum PullSecret {
    /// The content of `.dockerconfigjson`; one of `.dockercfg` in the same form.
    package static func dockerConfig(_ secret: JSONTree) throws(PullSecretFailure) -> [UInt8] {
        switch secret["type"]?.string {
        case "kubernetes.io/dockerconfigjson":
            let bytes = try content(secret, ".dockerconfigjson")
            guard let tree = try? JSONTree(parsing: bytes), tree["auths"]?.object != nil else {
                throw .malformed(reason: "its '.dockerconfigjson' has no 'auths'")
            }
            return bytes
        case "kubernetes.io/dockercfg":
            guard let tree = try? JSONTree(parsing: try content(secret, ".dockercfg")), tree.object != nil else {
                throw .malformed(reason: "its '.dockercfg' is no JSON object")
            }
            // The old form is what the new one has under 'auths'.
            return (["auths": tree] as JSONTree).bytes
        case let type?: throw .malformed(reason: "it is of type '\(type.prefix(80))'")
        case nil: throw .malformed(reason: "it has no type")
        }
    }

    private static func content(_ secret: JSONTree, _ key: String) throws(PullSecretFailure) -> [UInt8] {
        guard let text = secret.at("data", key)?.string, let data = Data(base64Encoded: text), !data.isEmpty else {
            throw .malformed(reason: "it has no '\(key)'")
        }
        return Array(data)
    }
}
