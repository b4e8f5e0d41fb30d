package import KubernetesClient
package import Logging
internal import Synchronization

/// Puts pull secrets of Weir's own namespace into others, and keeps the copies current.
///
/// Copies are made when somebody asks for them. Those that were asked for since the start are also renewed when their
/// original changes, as long as ``run()`` does; others when they are next asked for.
package final class SecretCopier: Sendable {
    private struct Copy: Sendable, Hashable {
        var name: String
        var namespace: String
    }

    /// Copies remembered for renewal; beyond it they are renewed when asked for alone.
    private static let rememberedLimit = 20_000
    private static let attempts = 4

    private let client: KubernetesClient
    private let namespace: String
    private let timeout: Duration
    private let logger: Logger
    private let remembered = Mutex<Set<Copy>>([])

    /// - Parameters:
    ///   - namespace: of the originals.
    ///   - timeout: of one copying.
    package init(client: KubernetesClient, namespace: String, timeout: Duration = .seconds(5), logger: Logger) {
        self.client = client
        self.namespace = namespace
        self.timeout = timeout
        self.logger = logger
    }

    /// Returns once the secret is there with its present content, or another's is there under its name.
    package func ensure(_ name: String, in target: String) async throws(PullSecretFailure) {
        guard target != namespace else { return }
        try await copy(Copy(name: name, namespace: target))
        remembered.withLock { remembered in
            if remembered.count < Self.rememberedLimit { remembered.insert(Copy(name: name, namespace: target)) }
        }
    }

    /// Renews copies whose original changes, until cancelled.
    package func run() async {
        await ResourceFollower(client, .secrets, of: NamedObject.self, namespace: namespace).run { event in
            let names: Set<String>
            switch event {
            case .page(let items): names = Set(items.map(\.metadata.name))
            case .changed(let item): names = [item.metadata.name]
            default: return
            }
            for copy in self.remembered.withLock({ $0 }) where names.contains(copy.name) {
                do throws(PullSecretFailure) {
                    try await self.copy(copy)
                } catch {
                    self.logger.warning(
                        "a copy of a pull secret could not be renewed",
                        metadata: [
                            "secret": "\(copy.name)", "namespace": "\(copy.namespace)", "reason": "\(error)",
                        ])
                }
            }
        }
    }

    private func copy(_ copy: Copy) async throws(PullSecretFailure) {
        let source = ObjectAddress(.secrets, namespace: namespace, name: copy.name)
        let client = client
        let found = try await bounded(timeout) { () async throws(KubernetesError) in try await client.find(source) }
        guard let found else { throw .missing }
        // A secret of another kind is nobody's to spread.
        _ = try PullSecret.dockerConfig(found)
        let address = ObjectAddress(.secrets, namespace: copy.namespace, name: copy.name)
        try await bounded(timeout) { () async throws(KubernetesError) in try await self.write(found, to: address) }
    }

    private func write(_ source: JSONTree, to address: ObjectAddress) async throws(KubernetesError) {
        for attempt in 1...Self.attempts {
            let copy = try await client.find(address)
            let action = SecretCopyPlan.action(
                source: source, copy: copy, namespace: address.namespace ?? "")
            do throws(KubernetesError) {
                return try await perform(action, at: address)
            } catch {
                // Another replica was faster; look again.
                guard error.isConflict || error.isAlreadyExisting || error.isNotFound, attempt < Self.attempts else {
                    throw error
                }
            }
        }
    }

    private func perform(_ action: SecretCopyPlan.Action, at address: ObjectAddress) async throws(KubernetesError) {
        switch action {
        case .nothing: break
        case .leaveForeign:
            logger.debug("a secret of another's has the name of a copy", metadata: ["secret": "\(address)"])
        case .create(let document): try await client.create(document, at: address)
        case .replace(let document): try await client.replace(address, with: document)
        case .recreate(let document, let version):
            try await client.delete(address, resourceVersion: version)
            try await client.create(document, at: address)
        }
    }
}

/// An object by its name alone.
private struct NamedObject: Decodable, Sendable {
    struct Metadata: Decodable, Sendable { var name: String }
    var metadata: Metadata
}
