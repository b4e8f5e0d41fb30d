package import LibP2P

/// Where the addresses of the first peers come from. Asked again and again while nobody is known.
package protocol BootstrapSource: Sendable {
    /// What is asked, for people.
    var name: String { get }

    /// Addresses of peers, with or without their ID; the own one may be among them.
    func addresses() async throws -> [Multiaddr]
}

/// Finds the IP addresses of a name: none where there is no such name.
package typealias NameLookup = @Sendable (String, Endpoint.NameFamily) async throws -> [String]

/// Addresses that are configured; those with a name stand for all addresses of the name.
package struct StaticBootstrap: BootstrapSource {
    private let list: [Multiaddr]
    private let lookUp: NameLookup

    package init(
        _ list: [Multiaddr], lookUp: @escaping NameLookup = { try await NameResolver().addresses(of: $0, family: $1) }
    ) {
        self.list = list
        self.lookUp = lookUp
    }

    package var name: String { "the list of addresses" }

    package func addresses() async throws -> [Multiaddr] {
        var addresses: [Multiaddr] = []
        var failure: (any Error)?
        for address in list {
            guard case .name(let name, let port, let family) = address.endpoint else {
                addresses.append(address)
                continue
            }
            do {
                let found = try await lookUp(name, family).compactMap { Multiaddr(ip: $0, port: port) }
                if found.isEmpty { failure = NameResolutionError(name: name, reason: "it has no address") }
                addresses += found.map { found in address.peerID.map { found.with($0) } ?? found }
            } catch {
                failure = error
            }
        }
        if addresses.isEmpty, let failure { throw failure }
        return addresses
    }
}

/// The addresses of a name, such as that of a headless service: as Spegel does, the first 3 of each family by their
/// number.
package struct DNSBootstrap: BootstrapSource {
    package let name: String
    private let port: Int
    private let lookUp: NameLookup

    /// - Parameter port: the routing's port, the same on every node.
    package init(
        name: String, port: Int,
        lookUp: @escaping NameLookup = { try await NameResolver().addresses(of: $0, family: $1) }
    ) {
        self.name = name
        self.port = port
        self.lookUp = lookUp
    }

    package func addresses() async throws -> [Multiaddr] {
        var list: [Multiaddr] = []
        var failures: [any Error] = []
        let families = [Endpoint.NameFamily.ip4, .ip6]
        for family in families {
            do {
                list += try await lookUp(name, family).compactMap { Multiaddr(ip: $0, port: port) }
                    .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }.prefix(Self.countMax)
            } catch {
                failures.append(error)
            }
        }
        if list.isEmpty, let failure = failures.first { throw failure }
        return list
    }

    /// All nodes choose the same ones, Spegel's among them, and so find together.
    private static let countMax = 3
}
