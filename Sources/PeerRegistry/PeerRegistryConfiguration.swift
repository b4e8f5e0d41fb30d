/// How a node's registry asks others, and how long it waits for them.
package struct PeerRegistryConfiguration: Sendable, Hashable {
    /// Whom to ask for content that is not here.
    package enum Source: String, Sendable, Hashable, CaseIterable {
        case peers
        case central
    }

    /// When peers are asked what a tag names.
    package enum TagTrust: String, Sendable, Hashable, CaseIterable {
        /// When the central cache cannot be asked, and where there is none.
        case fallback
        case always
        case never
    }

    /// In this order; whoever is not named is not asked. When nobody has it the client asks the upstream itself.
    package var order: [Source] = [.peers, .central]
    /// The central cache's address, `http://weir.example:5000`.
    package var central: String?
    package var tagsFromPeers = TagTrust.fallback
    /// The port of every node's registry: it is not told on the wire.
    package var registryPort = 5000
    /// Whether peers are asked by TLS.
    package var usesTLS = false
    /// How long nobody may turn up before the client is sent on.
    package var resolveTimeout: Duration = .milliseconds(200)
    /// Peers that a look-up is to find: as many as one request asks at the most, since some may be gone.
    package var lookupLimit = 8
    /// For a peer's answer to begin.
    package var answerTimeout: Duration = .seconds(1)
    /// The same for the central cache, which may have to ask its upstream first.
    package var centralTimeout: Duration = .seconds(30)
    /// The same after it could not be asked, until it answers.
    package var centralDoubtTimeout: Duration = .seconds(3)
    /// For a whole manifest, or a HEAD, from peers.
    package var manifestTimeout: Duration = .seconds(3)
    /// A transfer without a byte; it goes on from another peer then.
    package var stallTimeout: Duration = .seconds(5)
    /// Another peer is asked for the rest of a blob where less than ``slowBytesPerSecond`` has come over this time of
    /// waiting.
    package var slowWindow: Duration = .seconds(5)
    package var slowBytesPerSecond = 32 << 10
    /// How often one blob may go on from another peer.
    package var resumptionLimit = 8
    package var manifestLimitBytes = 4 << 20
    /// How long a peer that sent wrong bytes is not asked.
    package var banTime: Duration = .seconds(600)
    /// The same for one that does not answer, or has not what it said.
    package var setAsideTime: Duration = .seconds(5)
    /// How long the peers of one key are remembered.
    package var searchLifetime: Duration = .seconds(5)
    /// What peers want to hear before they give anything, as Spegel has it: `Basic …`.
    package var authorization: String?

    package init() {}
}
