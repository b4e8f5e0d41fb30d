internal import LibP2P
internal import PeerRouting
internal import Synchronization

/// Gathers the providers of one look-up, each once.
final class ProviderCollector: Sendable {
    private let own: PeerID
    private let limit: Int
    private let seen = Mutex<Set<PeerID>>([])

    init(own: PeerID, limit: Int) {
        self.own = own
        self.limit = limit
    }

    var isFull: Bool { seen.withLock { $0.count >= limit } }
    var isEmpty: Bool { seen.withLock { $0.isEmpty } }

    /// Those that are new, have an IP address, and are not ourselves.
    func take(_ records: [PeerRecord]) -> [ContentPeer] {
        seen.withLock { seen in
            var taken: [ContentPeer] = []
            for record in records where record.peer != own && !seen.contains(record.peer) {
                guard seen.count < limit else { break }
                var hosts: [String] = []
                for address in record.addresses {
                    switch address.endpoint {
                    case .ip4, .ip6:
                        guard address.reach == .network || address.reach == .loopback, let host = address.endpoint?.host
                        else { continue }
                        if !hosts.contains(host) { hosts.append(host) }
                    case .name, nil: continue
                    }
                }
                guard !hosts.isEmpty else { continue }
                seen.insert(record.peer)
                taken.append(ContentPeer(identifier: "\(record.peer)", addresses: hosts))
            }
            return taken
        }
    }
}
