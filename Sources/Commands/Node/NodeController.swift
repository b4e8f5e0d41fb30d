internal import ControlServer
internal import KademliaRouting
internal import LibP2P
internal import OCI
internal import PeerRegistry
internal import PeerRouting
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Answers what commands and pages ask of a running node.
final class NodeController: ControlledNode {
    /// Whoever keeps the content.
    struct Keeper: Sendable {
        /// For people.
        let name: String
        /// Where it is read from; nil where it comes through the keeper.
        let directory: @Sendable () -> String?
    }

    private let central: String?
    private let keeper: Keeper
    private let network: PeerNetwork
    private let advertiser: Advertiser
    private let registry: PeerRegistry
    private let scrape: ProcessScrape
    private let startedAt = ContinuousClock.now
    private let addresses = Mutex<(@Sendable () async -> [String])?>(nil)

    init(
        central: String?, keeper: Keeper, network: PeerNetwork, advertiser: Advertiser, registry: PeerRegistry,
        scrape: ProcessScrape
    ) {
        self.central = central
        self.keeper = keeper
        self.network = network
        self.advertiser = advertiser
        self.registry = registry
        self.scrape = scrape
    }

    /// The registry's server is made after its controller, which has to know where it listens.
    func setAddresses(_ read: @escaping @Sendable () async -> [String]) { addresses.withLock { $0 = read } }

    func status() async throws(ControlError) -> NodeStatusDocument {
        let status = network.status
        let keys = advertiser.keys
        return NodeStatusDocument(
            version: Version.text, processIdentifier: getpid(),
            uptimeSeconds: (ContinuousClock.now - startedAt).components.seconds, identity: "\(status.identity)",
            peerAddresses: status.advertisedAddresses.map(\.description),
            registryAddresses: await addresses.withLock { $0 }?() ?? [], isReady: registry.isReady,
            isPrivateNetwork: status.isPrivateNetwork, contentKeeper: keeper.name,
            isContentFollowed: advertiser.isFollowing, contentDirectory: keeper.directory(), central: central,
            advertisedKeys: keys.all.count, untoldKeys: status.untoldKeys,
            advertisedTags: Dictionary(uniqueKeysWithValues: keys.tags.map { ("\($0.key)", $0.value) }),
            peers: status.peers.map { NodeStatusDocument.Peer($0) }, records: status.recordCount,
            providers: status.providerCount,
            setAside: registry.peersSetAside.map {
                NodeStatusDocument.SetAside(
                    origin: $0.origin, reason: $0.reason, seconds: $0.remaining.components.seconds)
            }, grants: registry.grantSummary,
            bootstrapTrouble: network.isReady ? nil : network.bootstrapTrouble,
            centralTrouble: registry.centralTrouble, contentTrouble: advertiser.trouble)
    }

    func find(_ reference: String) async throws(ControlError) -> NodeFindDocument {
        let target = try NodeTarget(reference)
        let start = ContinuousClock.now
        let found = Mutex<[NodeFindDocument.Peer]>([])
        do {
            try await network.lookUp(target.key, limit: Self.findLimit) { peer in
                let time = (ContinuousClock.now - start).milliseconds
                found.withLock {
                    $0.append(.init(id: peer.identifier, addresses: peer.addresses, milliseconds: time))
                }
            }
        } catch PeerRoutingError.noPeers {
            // Nobody to ask is nobody who has it.
        } catch {
            throw ControlError(.failed, "the look-up failed: \(error)")
        }
        return NodeFindDocument(
            key: "\(target.key)", peers: found.withLock { $0 }, isHere: advertiser.keys.all.contains(target.key),
            milliseconds: (ContinuousClock.now - start).milliseconds)
    }

    func measure(_ reference: String) async throws(ControlError) -> NodeMeasureDocument {
        guard let image = try NodeTarget(reference).image else {
            throw ControlError(
                .badRequest, "a digest alone has no repository; give an image, such as docker.io/library/nginx:1.27")
        }
        let find = try await find(reference)
        let start = ContinuousClock.now
        var measurement = NodeMeasurement(registry: registry, image: image)
        do {
            try await measurement.run()
        } catch {
            let part = measurement.current.map { " (\($0))" } ?? ""
            let reason =
                error as? NodeRegistryError == .notFound
                ? absence(of: find, isFirst: measurement.parts.isEmpty) : "\(error)"
            throw ControlError(.notFound, "\(reference) cannot be pulled\(part): \(reason)")
        }
        return NodeMeasureDocument(
            find: find, parts: measurement.parts, bytes: measurement.parts.reduce(0) { $0 + $1.bytes },
            milliseconds: (ContinuousClock.now - start).milliseconds)
    }

    /// Why nobody gives it, as far as it can be told.
    private func absence(of find: NodeFindDocument, isFirst: Bool) -> String {
        let peers =
            if !isFirst { "no peer gives it" } else if find.peers.isEmpty { "no peer says that it has it" } else {
                "of \(find.peers.count) peers that say that they have it none gives it; see 'weir node status' for those "
                    + "that are not asked"
            }
        return central.map { "\(peers), and neither does the central Weir at \($0)" } ?? peers
    }

    func metrics() async -> String {
        scrape.set("weir_node_peers", network.status.tableCount)
        scrape.set("weir_node_peers_set_aside", registry.peersSetAside.count)
        return scrape.text()
    }

    func unreadiness() async -> String? {
        if !advertiser.isFollowing {
            return "\(keeper.name) does not answer" + (advertiser.trouble.map { ": \($0)" } ?? "")
        }
        guard !network.isReady else { return nil }
        return "no peers are known" + (network.bootstrapTrouble.map { "; bootstrap: \($0)" } ?? "")
    }

    /// What a list of first peers says of this node.
    var addressInformation: AddressInformation { network.addressInformation }

    private static let findLimit = 20
}

extension NodeStatusDocument.Peer {
    fileprivate init(_ peer: PeerNetworkStatus.Peer) {
        self.init(
            id: "\(peer.peer)", addresses: peer.addresses.map(\.description), connection: peer.connection.rawValue,
            isInTable: peer.isInTable, agent: peer.agentVersion.isEmpty ? nil : peer.agentVersion,
            roundTripMilliseconds: peer.roundTrip?.milliseconds, answerMilliseconds: peer.answerTime?.milliseconds,
            answeredSecondsAgo: peer.answeredAgo?.components.seconds)
    }
}

/// What a user names: an image, or a digest alone.
struct NodeTarget {
    let key: RoutingKey
    /// Nil for a digest alone.
    let image: ImageReference?

    init(_ text: String) throws(ControlError) {
        if let digest = try? Digest(text) {
            key = RoutingKey(digest)
            image = nil
            return
        }
        for (algorithm, count) in [("sha256", 64), ("sha512", 128)] where text.hasPrefix("\(algorithm):") {
            // It would pass for a tag of an image of that name.
            throw ControlError(
                .badRequest,
                "'\(text)' is no whole digest: \(count) digits, 0-9 and a-f, come after '\(algorithm):'")
        }
        let reference: ImageReference
        do throws(ReferenceError) {
            reference = try ImageReference(text)
        } catch {
            throw ControlError(.badRequest, "\(error)")
        }
        image = reference
        switch reference.reference {
        case .digest(let digest): key = RoutingKey(digest)
        case .tag(let tag):
            key = RoutingKey(registry: reference.registry, repository: reference.repository, tag: tag)
        }
    }
}

extension Duration {
    /// With three digits after the point.
    var milliseconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds * 1_000_000 + attoseconds / 1_000_000_000_000) / 1000
    }
}
