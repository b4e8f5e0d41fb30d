internal import JSON
package import LibP2P

/// What a central Weir lets one node have of private repositories, for some minutes.
package struct Grant: Sendable, Hashable {
    /// Whoever shows it has to prove to be this node.
    package let node: PeerID
    /// Seconds since 1970.
    package let notBefore: Int64
    package let notAfter: Int64
    package let scopes: [RepositoryScope]

    package init(node: PeerID, notBefore: Int64, notAfter: Int64, scopes: [RepositoryScope]) {
        self.node = node
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.scopes = scopes
    }

    package func covers(_ place: RepositoryPlace) -> Bool { scopes.contains { $0.covers(place) } }

    /// - Throws: ``GrantError/tooLarge`` where it would not fit into the field of a request.
    package func signed(with identity: Identity) throws(GrantError) -> String {
        guard scopes.count <= Self.scopeMax else { throw .tooLarge }
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("node")
            writer.string(node.description)
            writer.name("notBefore")
            writer.integer(Int(notBefore))
            writer.name("notAfter")
            writer.integer(Int(notAfter))
            writer.name("repositories")
            writer.array { writer in
                for scope in scopes { writer.string(scope.description) }
            }
        }
        let text = try SignedText.sign(writer.bytes, purpose: Self.purpose, with: identity)
        guard text.utf8.count <= Self.limitBytes else { throw .tooLarge }
        return text
    }

    /// Reads and judges what a peer shows. That it is the peer's own is another question: ``GrantProof``.
    /// - Parameter skew: by how many seconds clocks may differ.
    package init(_ text: String, keys: GrantKeyRing, now: Int64, skew: Int64) throws(GrantError) {
        let bytes = try SignedText.open(text, purpose: Self.purpose, limitBytes: Self.limitBytes, keys: keys)
        guard
            let root = try? JSONDocument(bytes, limits: .init(bytes: Self.limitBytes, depth: 4, values: 1024)).root,
            let node = root["node"]?.string.flatMap({ try? PeerID($0) }),
            let notBefore = root["notBefore"]?.integer, let notAfter = root["notAfter"]?.integer,
            let list = root["repositories"], list.isArray
        else { throw .malformed }
        self.node = node
        self.notBefore = Int64(notBefore)
        self.notAfter = Int64(notAfter)
        scopes = try RepositoryScope.list(list, max: Self.scopeMax)
        let (length, isBeyond) = self.notAfter.subtractingReportingOverflow(self.notBefore)
        guard !isBeyond, length >= 0, length <= Self.lifetimeMax else { throw .validTooLong }
        // Numbers of a signed grant are small; those of a wrong key were refused above.
        guard self.notBefore <= now + skew else { throw .notYetValid }
        guard now < self.notAfter + skew else { throw .expired }
    }

    /// A field of a request, of which there may be 32 KiB in all.
    static let limitBytes = 8 << 10
    package static let scopeMax = 100
    /// In seconds. What is granted cannot be taken back before it expires.
    package static let lifetimeMax: Int64 = 86_400
    private static let purpose = "weir grant 1"
}

extension RepositoryScope {
    static func list(_ node: JSONNode, max: Int) throws(GrantError) -> [RepositoryScope] {
        var scopes: [RepositoryScope] = []
        for item in node.items {
            guard scopes.count < max, let text = item.string else { throw .malformed }
            scopes.append(try RepositoryScope(text))
        }
        return scopes
    }
}
