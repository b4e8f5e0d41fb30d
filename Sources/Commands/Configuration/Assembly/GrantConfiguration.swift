internal import LibP2P
package import PeerGrants
package import RegistryServer

/// What the central Weir grants to nodes, and by which keys.
package struct GrantConfiguration: Sendable, Hashable {
    /// The first one signs.
    package var keyFiles: [String]
    package var rules: GrantRules

    /// Makes it of the settings, and says what is wrong with them.
    init(_ settings: GrantSettings, directory: String, source: String, problems: inout [ConfigurationProblem]) {
        keyFiles = settings.keys.isEmpty ? ["\(directory)/grants.key"] : settings.keys
        if keyFiles.count > Self.keyMax {
            problems.append(
                ConfigurationProblem("'grants.keys' has more than \(Self.keyMax) files", at: .init(source: source)))
        }
        if settings.privateScopes.count > GrantPolicy.scopeMax {
            problems.append(
                ConfigurationProblem(
                    "'grants.private' has more than \(GrantPolicy.scopeMax) entries; use prefixes",
                    at: .init(source: source)))
        }
        var nodes: [GrantRules.Node] = []
        for entry in settings.nodes {
            let node = entry.value
            if node.token == nil, node.peers.isEmpty {
                problems.append(
                    ConfigurationProblem(
                        "'\(entry.key.value)' fits no node; give it a 'token' or 'peers'", at: entry.key.place))
            }
            if node.repositories.count > Grant.scopeMax
                || node.repositories.reduce(0, { $0 + $1.description.utf8.count + 3 }) > Self.scopeBytesMax
            {
                problems.append(
                    ConfigurationProblem(
                        "'\(entry.key.value)' has more repositories than a request can show; use prefixes",
                        at: entry.key.place))
            }
            nodes.append(
                GrantRules.Node(
                    token: node.token?.reveal(), peers: Set(node.peers), scopes: node.repositories))
        }
        rules = GrantRules(
            privateScopes: settings.privateScopes, nodes: nodes, lifetime: settings.lifetime.components.seconds)
    }

    private static let keyMax = 8
    /// As JSON in base64 they take a third more, within the 8 KiB of a grant.
    private static let scopeBytesMax = 5 << 10
}

/// How a node deals with grants.
package struct NodeGrants: Sendable, Hashable {
    package var token: String?
    package var grants: PeerGrants.Configuration
    /// Who is asked for none.
    package var localClients: [AddressBlock]

    init(_ settings: NodeGrantSettings, central: String?, source: String, problems: inout [ConfigurationProblem]) {
        token = settings.token?.reveal()
        let isTLS = central?.hasPrefix("https://") == true
        grants = PeerGrants.Configuration(pinnedKeys: settings.keys, trustsAnswer: isTLS)
        localClients = settings.localClients.compactMap { AddressBlock($0) }
        if central == nil {
            problems.append(
                ConfigurationProblem(
                    "'node.grants' needs 'node.central': the central Weir signs the grants", at: .init(source: source)))
        } else if !isTLS, settings.keys.isEmpty {
            problems.append(
                ConfigurationProblem(
                    "'node.grants' needs a central Weir at https://, or its keys as 'node.grants.keys': anybody could "
                        + "answer in its place", at: .init(source: source)))
        } else if !isTLS, settings.token != nil {
            problems.append(
                ConfigurationProblem(
                    "'node.grants.token' would be sent to the central Weir without TLS; use https://, or let it know "
                        + "the node by its peer ID", at: .init(source: source)))
        }
    }
}
