/// Where the content of secrets comes from: files, or the API server.
package protocol PullSecretSource: Sendable {
    /// The value of `.dockerconfigjson`; nil where there is no such secret. Bounded in time, and in size by
    /// ``DockerConfig/sizeLimitBytes``.
    func dockerConfig(of secret: PullSecretName) async throws(PullSecretError) -> [UInt8]?
}

/// Who puts a secret of Weir's own namespace into another, under the same name.
package protocol PullSecretCopier: Sendable {
    /// Returns once the secret is there with the content it has in Weir's namespace. A secret of that name that was
    /// not made by Weir is left alone, and is no failure. Never called for a dry run. Bounded in time.
    func ensure(_ name: String, in namespace: String) async throws(PullSecretError)
}

/// Why there is no secret. Descriptions are safe to log and to show: never a content.
package enum PullSecretError: Error, Hashable, Sendable, CustomStringConvertible {
    case missing(PullSecretName)
    /// Of another type, or with a content that is none.
    case malformed(PullSecretName, reason: String)
    /// It may be there, and could not be read or written; asking again later may help.
    case unavailable(PullSecretName, reason: String)

    package var description: String {
        switch self {
        case .missing(let name): "there is no secret \(name)"
        case .malformed(let name, let reason): "secret \(name): \(reason)"
        case .unavailable(let name, let reason): "secret \(name): \(reason)"
        }
    }
}
