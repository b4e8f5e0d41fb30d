internal import NIOCore

/// Under which address peers are told to find us.
package enum OwnAddresses {
    /// One of `bound` and `machine`: an IPv6 address of the network where there is one, else an IPv4 address; a
    /// loopback address only where that is allowed and there is no other.
    ///
    /// Spegel up to 0.5.1 drops a peer that does not have exactly one address.
    /// - Parameters:
    ///   - bound: what the host listens on; unspecified ones stand for all of `machine`'s of their family.
    ///   - machine: the machine's IP addresses, as text.
    package static func choose(bound: [Multiaddr], machine: [String], allowsLoopback: Bool) -> [Multiaddr] {
        var candidates: [Multiaddr] = []
        for address in bound {
            guard let endpoint = address.endpoint else { continue }
            guard address.reach == .unspecified else {
                candidates.append(address)
                continue
            }
            for text in machine {
                guard let candidate = Multiaddr(ip: text, port: endpoint.port) else { continue }
                // A socket on :: takes IPv4 as well.
                if case .ip4 = endpoint, case .ip6 = candidate.endpoint { continue }
                candidates.append(candidate)
            }
        }
        let reachable = candidates.filter { $0.reach == .network }
        let chosen =
            reachable.first { if case .ip6 = $0.endpoint { true } else { false } } ?? reachable.first
            ?? (allowsLoopback ? candidates.first { $0.reach == .loopback } : nil)
        return chosen.map { [$0] } ?? []
    }

    /// The machine's IP addresses as they are now; none where the system does not tell.
    package static func ofMachine() -> [String] {
        ((try? System.enumerateDevices()) ?? []).compactMap { $0.address?.ipAddress }
    }
}
