package import LibP2P

/// How a node takes part in the network of peers.
package struct PeerNetworkConfiguration: Sendable {
    package var host = HostConfiguration()
    package var routing = KademliaConfiguration()
    /// Where to find the first peers; with none, peers have to find us.
    package var bootstrap: [any BootstrapSource] = []
    /// How often it is looked whether the machine has other addresses now.
    package var addressInterval: Duration = .seconds(60)
    /// How often the metrics that measure a state are renewed.
    package var gaugeInterval: Duration = .seconds(10)

    package init() {}
}
