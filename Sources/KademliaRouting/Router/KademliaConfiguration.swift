/// How the routing looks up, keeps and renews.
package struct KademliaConfiguration: Sendable {
    package var lookup = Lookup.Limits()
    package var providers = ProviderStore.Limits()
    package var sweep = ProvideSweep.Limits()
    /// For one request, its connection included.
    package var requestTimeout: Duration = .seconds(10)
    /// For one request of a look-up, which goes on with other peers then; the peer is asked again by itself.
    package var lookupPatience: Duration = .seconds(3)
    /// For a whole look-up.
    package var lookupTimeout: Duration = .seconds(60)
    /// How often the table is refreshed.
    package var refreshInterval: Duration = .seconds(600)
    /// The same while few peers are known.
    package var sparseRefreshInterval: Duration = .seconds(120)
    /// When the table is refreshed after more peers became known than ever; each further time takes twice as long.
    package var earlyRefreshInterval: Duration = .seconds(1)
    /// How many peers are few.
    package var sparseCount = 10
    /// After how long without an answer a peer is asked whether it is still there.
    package var silenceLimit: Duration = .seconds(43 * 60)
    /// How often records that do not count any more are forgotten.
    package var expiryInterval: Duration = .seconds(60)
    /// How often the bootstrap is asked again although peers are known, so that parts of a cluster find together.
    package var bootstrapInterval: Duration = .seconds(30 * 60)
    /// One attempt of it.
    package var bootstrapTimeout: Duration = .seconds(30)
    package var bootstrapBackoff: Duration = .milliseconds(50)
    package var bootstrapBackoffMax: Duration = .seconds(10)
    /// When the bootstrap is asked again where few peers are known and some were lost; doubles up to
    /// ``bootstrapInterval``.
    package var bootstrapHurtInterval: Duration = .seconds(10)
    /// Called with the reason why the bootstrap finds nobody where nobody is known, and with nil when somebody is.
    package var bootstrapTrouble: @Sendable (String?) -> Void = { _ in }
    /// How often the table is refreshed at most since lost peers are back.
    package var healingInterval: Duration = .seconds(30)
    /// New peers that are asked at once whether they will do for the table.
    package var admissionConcurrency = 8
    /// Prefixes for which the table is refreshed; in a bigger network than 2^12 × 20 the rest comes by itself.
    package var refreshPrefixMax = 12

    package init() {}
}
