internal import CoreMetrics
package import KubernetesClient
package import Logging
internal import Synchronization

/// Puts pull secrets of Weir's own namespace into others, and keeps the copies current.
///
/// Copies are made when somebody asks for them. Those that were asked for since the start are also renewed when their
/// original changes, as long as ``run()`` does; others when they are next asked for. Originals are followed one by one,
/// by name, so that the right to see these is enough.
package final class SecretCopier: Sendable {
    private struct Copy: Sendable, Hashable {
        var name: String
        var namespace: String
    }

    private struct State {
        var copies: Set<Copy> = []
        /// Of each original, what was copied last.
        var versions: [String: String] = [:]
    }

    /// Copies remembered for renewal; beyond it they are renewed when asked for alone.
    private static let rememberedLimit = 20_000
    /// Originals that are followed: each is a connection to the API server.
    private static let followedLimit = 16
    private static let attempts = 4

    private let client: KubernetesClient
    private let namespace: String
    private let timeout: Duration
    private let logger: Logger
    private let state = Mutex(State())
    /// Originals to be followed, each once.
    private let names = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingOldest(followedLimit))

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
        let isNew = state.withLock { state in
            if state.copies.count < Self.rememberedLimit { state.copies.insert(Copy(name: name, namespace: target)) }
            guard state.versions[name] == nil, state.versions.count < Self.followedLimit else { return false }
            state.versions[name] = ""
            return true
        }
        if isNew { names.continuation.yield(name) }
    }

    /// Renews copies whose original changes, until cancelled. To be called once.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await name in names.stream { group.addTask { await self.follow(name) } }
        }
    }

    private func follow(_ name: String) async {
        let follower = ResourceFollower(
            client, .secrets, of: OriginalVersion.self, namespace: namespace, fieldSelector: "metadata.name=\(name)")
        await follower.run { event in
            switch event {
            case .page(let items): for item in items { await self.renew(name, item.metadata.resourceVersion) }
            case .changed(let item): await self.renew(name, item.metadata.resourceVersion)
            default: break
            }
        }
    }

    /// A list that is read anew tells what was told before.
    private func renew(_ name: String, _ version: String) async {
        let copies = state.withLock { state in
            guard state.versions[name] != version else { return Set<Copy>() }
            state.versions[name] = version
            return state.copies.filter { $0.name == name }
        }
        for copy in copies {
            do throws(PullSecretFailure) {
                try await self.copy(copy)
            } catch {
                // Tried again when it is next asked for.
                logger.warning(
                    "a copy of a pull secret could not be renewed",
                    metadata: ["secret": "\(copy.name)", "namespace": "\(copy.namespace)", "reason": "\(error)"])
            }
        }
    }

    private func copy(_ copy: Copy) async throws(PullSecretFailure) {
        do throws(PullSecretFailure) {
            count(try await attempt(copy))
        } catch {
            count("failed")
            throw error
        }
    }

    private func count(_ outcome: String) {
        Counter(label: "weir_cluster_secret_copies_total", dimensions: [("outcome", outcome)]).increment()
    }

    /// - Returns: what became of it, for metrics.
    private func attempt(_ copy: Copy) async throws(PullSecretFailure) -> String {
        let source = ObjectAddress(.secrets, namespace: namespace, name: copy.name)
        let client = client
        let found = try await bounded(timeout) { () async throws(KubernetesError) in try await client.find(source) }
        guard let found else { throw .missing }
        // A secret of another kind is nobody's to spread.
        _ = try PullSecret.dockerConfig(found)
        let address = ObjectAddress(.secrets, namespace: copy.namespace, name: copy.name)
        return try await bounded(timeout) { () async throws(KubernetesError) in
            try await self.write(found, to: address)
        }
    }

    private func write(_ source: JSONTree, to address: ObjectAddress) async throws(KubernetesError) -> String {
        for attempt in 1... {
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
        return "failed"
    }

    private func perform(_ action: SecretCopyPlan.Action, at address: ObjectAddress) async throws(KubernetesError)
        -> String
    {
        switch action {
        case .nothing: return "current"
        case .leaveForeign:
            logger.debug("a secret of another's has the name of a copy", metadata: ["secret": "\(address)"])
            return "foreign"
        case .create(let document): try await client.create(document, at: address)
        case .replace(let document): try await client.replace(address, with: document)
        case .recreate(let document, let version):
            try await client.delete(address, resourceVersion: version)
            try await client.create(document, at: address)
        }
        return "written"
    }
}

/// An original, by what tells one state of it from another.
private struct OriginalVersion: Decodable, Sendable {
    struct Metadata: Decodable, Sendable { var resourceVersion: String }
    var metadata: Metadata
}
