package import KubernetesClient
internal import NIOCore
internal import RegistryTestKit

extension TestAPIServer {
    // MARK: Who

    package func addAccount(_ account: Account, token: String) { state.update { $0.tokens[token] = account } }
    package func removeToken(_ token: String) { state.update { $0.tokens[token] = nil } }

    /// - Parameter commonName: of the client certificate's subject.
    package func addAccount(_ account: Account, commonName: String) {
        state.update { $0.certificates[commonName] = account }
    }

    // MARK: Objects

    private func key(_ address: ObjectAddress) -> ObjectStore.Key {
        ObjectStore.Key(plural: address.kind.plural, namespace: address.namespace ?? "", name: address.name)
    }

    package subscript(address: ObjectAddress) -> JSONTree? {
        let key = key(address)
        return state.read { $0.store[key] }
    }

    /// Puts an object there, as somebody else would: with any contents, whatever was there.
    package func put(_ object: JSONTree, at address: ObjectAddress) {
        let key = key(address)
        var object = object
        object["apiVersion"] = .string(address.kind.apiVersion)
        object["kind"] = .string(address.kind.kind)
        object["metadata"] = object["metadata"] ?? [:]
        object["metadata"]?["name"] = .string(address.name)
        if let namespace = address.namespace { object["metadata"]?["namespace"] = .string(namespace) }
        let made = object
        state.update { state in
            _ = state.store[key] == nil ? state.store.add(made, at: key) : state.store.change(made, at: key)
        }
    }

    package func remove(_ address: ObjectAddress) {
        let key = key(address)
        state.update { _ = $0.store.remove(key) }
    }

    package var revision: Int64 { state.read { $0.store.revision } }

    // MARK: Faults

    package func compact() { state.update { $0.store.compact() } }
    package func hideVersions() { state.update { $0.store.hidesVersions = true } }
    package func skipVersions(_ count: Int64) { state.update { $0.store.skip(count) } }
    package func refuse(_ refusal: Refusal) { state.update { $0.refusals.append(refusal) } }
    package func splitWatches(into bytes: Int?) { state.update { $0.chunkBytes = bytes } }
    /// Watches are accepted, and nothing is ever said on them.
    package func stallWatches(_ stalls: Bool) { state.update { $0.stallsWatches = stalls } }
    package func sendBookmarks() { state.update { $0.bookmarks += 1 } }
    package func sendRaw(_ line: String) { state.update { $0.rawLines.append(line) } }

    /// Cuts every open watch as a network does.
    package func cutWatches() {
        listener.cut(state.read { Array($0.watches.keys) })
    }

    /// Runs before the next request that writes is done, once.
    package func interfere(_ change: @escaping @Sendable (inout ObjectStore) -> Void) {
        state.update { $0.interference = change }
    }

    // MARK: What was asked

    package var log: [Record] { state.read { $0.log } }

    package func requests(_ verb: String, _ kind: ResourceKind) -> [Record] {
        log.filter { $0.verb == verb && $0.plural == kind.plural }
    }

    /// Returns once `count` such requests have come.
    package func waitForRequests(_ verb: String, _ kind: ResourceKind, count: Int = 1) async throws {
        try await state.wait(for: "\(count) of \(verb) \(kind.plural)") { state in
            state.log.count { $0.verb == verb && $0.plural == kind.plural } >= count
        }
    }

    /// Returns once what was asked meets a condition.
    package func waitForLog(_ what: String, until isMet: @escaping @Sendable ([Record]) -> Bool) async throws {
        try await state.wait(for: what) { isMet($0.log) }
    }

    /// Returns once `count` watches of a kind are open.
    package func waitForWatches(_ kind: ResourceKind, count: Int = 1) async throws {
        try await state.wait(for: "\(count) watches of \(kind.plural)") { state in
            state.watches.values.count { $0 == kind.plural } >= count
        }
    }

    /// Returns once an object meets a condition; nil where there is none.
    package func wait(
        for what: String, _ address: ObjectAddress, until isMet: @escaping @Sendable (JSONTree?) -> Bool
    ) async throws {
        let key = key(address)
        try await state.wait(for: what) { isMet($0.store[key]) }
    }
}
