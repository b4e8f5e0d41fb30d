internal import JSON

/// What a central Weir answers a node that asks for its grant.
package struct GrantAnswer: Sendable, Hashable {
    /// Where it is asked for, on the registry's own port.
    package static let path = "/weir/grants"
    package static let limitBytes = 1 << 20

    /// Signed, as it is shown to peers.
    package let grant: String
    /// A signed ``GrantPolicy``.
    package let policy: String
    /// The central's keys, for nodes that trust whoever answers by TLS.
    package let keys: [GrantKey]

    init(grant: String, policy: String, keys: [GrantKey]) {
        self.grant = grant
        self.policy = policy
        self.keys = keys
    }

    package init(_ bytes: [UInt8]) throws(GrantError) {
        guard bytes.count <= Self.limitBytes else { throw .tooLarge }
        guard let root = try? JSONDocument(bytes, limits: .init(bytes: Self.limitBytes, depth: 4, values: 1024)).root,
            let grant = root["grant"]?.string, let policy = root["policy"]?.string, let keys = root["keys"],
            keys.isArray
        else { throw .malformed }
        self.grant = grant
        self.policy = policy
        self.keys = try GrantKey.list(keys)
    }

    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("grant")
            writer.string(grant)
            writer.name("policy")
            writer.string(policy)
            writer.name("keys")
            writer.array { writer in
                for key in keys { writer.string(key.description) }
            }
        }
        return writer.bytes
    }
}
