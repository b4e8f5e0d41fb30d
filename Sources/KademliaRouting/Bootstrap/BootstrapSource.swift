package import LibP2P

/// Where the addresses of the first peers come from. Asked again and again while nobody is known.
package protocol BootstrapSource: Sendable {
    /// What is asked, for people.
    var name: String { get }

    /// Addresses of peers, with or without their ID; the own one may be among them.
    func addresses() async throws -> [Multiaddr]
}

/// Addresses that are configured.
package struct StaticBootstrap: BootstrapSource {
    private let list: [Multiaddr]

    package init(_ list: [Multiaddr]) { self.list = list }

    package var name: String { "the list of addresses" }

    package func addresses() async throws -> [Multiaddr] { list }
}

/// The addresses of a name, such as that of a headless service: as Spegel does, the first 3 of each family.
package struct DNSBootstrap: BootstrapSource {
    package typealias Lookup = @Sendable (String, Endpoint.NameFamily) async throws -> [String]

    package let name: String
    private let port: Int
    private let lookUp: Lookup

    /// - Parameter port: the routing's port, the same on every node.
    package init(
        name: String, port: Int, lookUp: @escaping Lookup = { try await NameResolver().addresses(of: $0, family: $1) }
    ) {
        self.name = name
        self.port = port
        self.lookUp = lookUp
    }

    package func addresses() async throws -> [Multiaddr] {
        var list: [Multiaddr] = []
        for family in [Endpoint.NameFamily.ip4, .ip6] {
            let texts = try await lookUp(name, family)
            list += texts.sorted().prefix(Self.countMax).compactMap { Multiaddr(ip: $0, port: port) }
        }
        return list
    }

    /// All nodes choose the same ones, and so find together.
    private static let countMax = 3
}
