internal import JSON
package import LibP2P

/// What a central Weir says of private repositories: which they are, and which keys sign.
package struct GrantPolicy: Sendable, Hashable {
    /// Seconds since 1970.
    package let issuedAt: Int64
    /// Whatever is not named here is public.
    package let privateScopes: [RepositoryScope]
    /// Its keys now, those of the next change included.
    package let keys: [GrantKey]

    package init(issuedAt: Int64, privateScopes: [RepositoryScope], keys: [GrantKey]) {
        self.issuedAt = issuedAt
        self.privateScopes = privateScopes
        self.keys = keys
    }

    package func isPrivate(_ place: RepositoryPlace) -> Bool { privateScopes.contains { $0.covers(place) } }

    package func signed(with identity: Identity) throws(GrantError) -> String {
        guard privateScopes.count <= Self.scopeMax, keys.count <= GrantKeyRing.countMax else { throw .tooLarge }
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("issuedAt")
            writer.integer(Int(issuedAt))
            writer.name("private")
            writer.array { writer in
                for scope in privateScopes { writer.string(scope.description) }
            }
            writer.name("keys")
            writer.array { writer in
                for key in keys { writer.string(key.description) }
            }
        }
        return try SignedText.sign(writer.bytes, purpose: Self.purpose, with: identity)
    }

    /// - Throws: ``GrantError/expired`` for one that was issued a day ago: an old one could hide what has become
    ///   private since.
    package init(_ text: String, keys ring: GrantKeyRing, now: Int64, skew: Int64) throws(GrantError) {
        let bytes = try SignedText.open(text, purpose: Self.purpose, limitBytes: Self.limitBytes, keys: ring)
        guard
            let root = try? JSONDocument(bytes, limits: .init(bytes: Self.limitBytes, depth: 4, values: 8192)).root,
            let issuedAt = root["issuedAt"]?.integer, let list = root["private"], list.isArray,
            let keyList = root["keys"], keyList.isArray
        else { throw .malformed }
        self.issuedAt = Int64(issuedAt)
        privateScopes = try RepositoryScope.list(list, max: Self.scopeMax)
        keys = try GrantKey.list(keyList)
        guard self.issuedAt <= now + skew else { throw .notYetValid }
        guard now - Self.ageMax <= self.issuedAt else { throw .expired }
    }

    static let limitBytes = 512 << 10
    package static let scopeMax = 1000
    private static let ageMax: Int64 = 86_400
    private static let purpose = "weir policy 1"
}

extension GrantKey {
    static func list(_ node: JSONNode) throws(GrantError) -> [GrantKey] {
        var keys: [GrantKey] = []
        for item in node.items {
            guard keys.count < GrantKeyRing.countMax, let text = item.string else { throw .malformed }
            keys.append(try GrantKey(text))
        }
        return keys
    }
}
