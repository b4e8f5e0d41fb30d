package import KubernetesClient

/// Reads pull secrets from the API server. Asks each time: who asks often remembers by itself, and for how long is theirs to
/// say.
package struct PullSecretReader: Sendable {
    private let client: KubernetesClient
    private let timeout: Duration

    /// - Parameter timeout: of one reading, retries included.
    package init(client: KubernetesClient, timeout: Duration = .seconds(5)) {
        self.client = client
        self.timeout = timeout
    }

    /// The content as `.dockerconfigjson` has it; nil where there is no such secret.
    package func dockerConfig(_ name: String, in namespace: String) async throws(PullSecretFailure) -> [UInt8]? {
        let address = ObjectAddress(.secrets, namespace: namespace, name: name)
        let client = client
        let secret = try await bounded(timeout) { () async throws(KubernetesError) in try await client.find(address) }
        guard let secret else { return nil }
        return try PullSecret.dockerConfig(secret)
    }
}

/// Runs `operation`, gives it up after `limit`, and names what went wrong.
func bounded<Value: Sendable>(
    _ limit: Duration, _ operation: @escaping @Sendable () async throws(KubernetesError) -> Value
) async throws(PullSecretFailure) -> Value {
    let result = await withTaskGroup(of: Result<Value, PullSecretFailure>.self) { group in
        group.addTask {
            do throws(KubernetesError) {
                return .success(try await operation())
            } catch {
                return .failure(.unavailable(reason: "\(error)"))
            }
        }
        group.addTask {
            try? await Task.sleep(for: limit)
            return .failure(.unavailable(reason: "the API server did not answer in time"))
        }
        let first = await group.next() ?? .failure(.unavailable(reason: "it was given up"))
        group.cancelAll()
        return first
    }
    return try result.get()
}
