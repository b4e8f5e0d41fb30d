/// What a node does, as its control server tells it.
package struct NodeStatusDocument: Codable, Hashable, Sendable {
    package struct Peer: Codable, Hashable, Sendable {
        package var id: String
        package var addresses: [String]
        /// `none`, `inbound` or `outbound`.
        package var connection: String
        /// Whether it is asked in look-ups.
        package var isInTable: Bool
        /// What it calls itself.
        package var agent: String?
        package var roundTripMilliseconds: Double?
        /// How long its last answer in a look-up took, and how long ago that was.
        package var answerMilliseconds: Double?
        package var answeredSecondsAgo: Int64?

        package init(
            id: String, addresses: [String], connection: String, isInTable: Bool, agent: String?,
            roundTripMilliseconds: Double?, answerMilliseconds: Double?, answeredSecondsAgo: Int64?
        ) {
            self.id = id
            self.addresses = addresses
            self.connection = connection
            self.isInTable = isInTable
            self.agent = agent
            self.roundTripMilliseconds = roundTripMilliseconds
            self.answerMilliseconds = answerMilliseconds
            self.answeredSecondsAgo = answeredSecondsAgo
        }
    }

    /// A peer that is not asked for content for a while.
    package struct SetAside: Codable, Hashable, Sendable {
        package var origin: String
        /// `lied` or `failed`.
        package var reason: String
        package var seconds: Int64

        package init(origin: String, reason: String, seconds: Int64) {
            self.origin = origin
            self.reason = reason
            self.seconds = seconds
        }
    }

    package var version: String
    package var processIdentifier: Int32
    package var uptimeSeconds: Int64
    /// Its name among peers.
    package var identity: String
    /// Where peers are told to find it.
    package var peerAddresses: [String]
    /// Where its registry listens.
    package var registryAddresses: [String]
    /// Whether it takes part: peers are there, and the content is followed.
    package var isReady: Bool
    package var isPrivateNetwork: Bool
    /// Why the bootstrap finds nobody; nil where peers are known, or nothing was tried yet.
    package var bootstrapTrouble: String?
    /// Who keeps the content: `containerd`, or `store` for Weir's own.
    package var contentKeeper: String
    package var isContentFollowed: Bool
    /// Why the content cannot be followed or listed; nil where it can.
    package var contentTrouble: String?
    /// The directory that content is read from; nil where it comes through containerd.
    package var contentDirectory: String?
    package var central: String?
    /// Why the central cannot be asked; nil where it can, or where that was not tried.
    package var centralTrouble: String?
    /// What the central granted it, in words; nil where everything is given to everybody.
    package var grants: String?
    package var advertisedKeys: Int
    /// Those of which no peer was told yet.
    package var untoldKeys: Int
    /// Tags advertised, by registry.
    package var advertisedTags: [String: Int]
    /// Those of the routing table, and those that are connected.
    package var peers: [Peer]
    /// Records that others gave us, and how many others.
    package var records: Int
    package var providers: Int
    package var setAside: [SetAside]

    package init(
        version: String, processIdentifier: Int32, uptimeSeconds: Int64, identity: String, peerAddresses: [String],
        registryAddresses: [String], isReady: Bool, isPrivateNetwork: Bool, contentKeeper: String,
        isContentFollowed: Bool, contentDirectory: String?, central: String?, advertisedKeys: Int, untoldKeys: Int,
        advertisedTags: [String: Int], peers: [Peer], records: Int, providers: Int, setAside: [SetAside],
        grants: String? = nil, bootstrapTrouble: String? = nil, centralTrouble: String? = nil,
        contentTrouble: String? = nil
    ) {
        self.version = version
        self.processIdentifier = processIdentifier
        self.uptimeSeconds = uptimeSeconds
        self.identity = identity
        self.peerAddresses = peerAddresses
        self.registryAddresses = registryAddresses
        self.isReady = isReady
        self.isPrivateNetwork = isPrivateNetwork
        self.contentKeeper = contentKeeper
        self.isContentFollowed = isContentFollowed
        self.contentDirectory = contentDirectory
        self.central = central
        self.advertisedKeys = advertisedKeys
        self.untoldKeys = untoldKeys
        self.advertisedTags = advertisedTags
        self.peers = peers
        self.records = records
        self.providers = providers
        self.setAside = setAside
        self.grants = grants
        self.bootstrapTrouble = bootstrapTrouble
        self.centralTrouble = centralTrouble
        self.contentTrouble = contentTrouble
    }
}

/// Who says to have something, and how long it took to find them.
package struct NodeFindDocument: Codable, Hashable, Sendable {
    package struct Peer: Codable, Hashable, Sendable {
        package var id: String
        package var addresses: [String]
        /// From the beginning of the look-up.
        package var milliseconds: Double

        package init(id: String, addresses: [String], milliseconds: Double) {
            self.id = id
            self.addresses = addresses
            self.milliseconds = milliseconds
        }
    }

    /// What peers were asked for.
    package var key: String
    package var peers: [Peer]
    package var isHere: Bool
    package var milliseconds: Double

    package init(key: String, peers: [Peer], isHere: Bool, milliseconds: Double) {
        self.key = key
        self.peers = peers
        self.isHere = isHere
        self.milliseconds = milliseconds
    }
}

/// A look-up and a whole pull through the node's registry, by its parts.
package struct NodeMeasureDocument: Codable, Hashable, Sendable {
    package struct Part: Codable, Hashable, Sendable {
        /// `manifest` or `blob`.
        package var kind: String
        package var digest: String
        package var bytes: Int64
        package var milliseconds: Double
        /// `local`, `peer` or `central`.
        package var from: String

        package init(kind: String, digest: String, bytes: Int64, milliseconds: Double, from: String) {
            self.kind = kind
            self.digest = digest
            self.bytes = bytes
            self.milliseconds = milliseconds
            self.from = from
        }
    }

    package var find: NodeFindDocument
    package var parts: [Part]
    package var bytes: Int64
    package var milliseconds: Double

    package init(find: NodeFindDocument, parts: [Part], bytes: Int64, milliseconds: Double) {
        self.find = find
        self.parts = parts
        self.bytes = bytes
        self.milliseconds = milliseconds
    }
}
