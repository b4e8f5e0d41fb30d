/// How a ``Host`` listens, whom it lets in, and how long it waits.
package struct HostConfiguration: Sendable {
    /// Where to listen, as `/ip4|ip6/…/tcp/…`; port 0 takes any. Where several cannot all be had, the host does not run.
    package var listen: [Multiaddr] = []
    /// What peers are told; where it is empty, one address of this machine with the port listened on. Older Spegel
    /// drops providers that have not exactly one.
    package var advertised: [Multiaddr] = []
    /// Chooses what is told where nothing is ``advertised``, of what is listened on; asked again by
    /// ``Host/renewAddresses()``. The second argument: whether loopback will do.
    package var ownAddresses: @Sendable ([Multiaddr], Bool) -> [Multiaddr] = { bound, allowsLoopback in
        OwnAddresses.choose(bound: bound, machine: OwnAddresses.ofMachine(), allowsLoopback: allowsLoopback)
    }
    /// Loopback addresses are told as well, for tests on one machine.
    package var advertisesLoopback = false
    /// The key of the private network, as K3s and RKE2 have one.
    package var privateNetwork: PrivateNetworkKey?
    /// What we call ourselves to peers.
    package var agentVersion = "weir"
    /// Connections that are established. For a new one the one that was longest unused gives way.
    package var connectionLimit = 192
    /// Inbound connections in their handshake.
    package var handshakeLimit = 64
    /// Inbound connections of one address, unless it is loopback.
    package var connectionsPerAddress = 8
    /// A connection younger than this does not give way.
    package var connectionGrace: Duration = .seconds(20)
    /// For TCP to connect.
    package var dialTimeout: Duration = .seconds(5)
    /// For TCP to have what was sent acknowledged: a link that is cut shows within it, and not only when a ping fails.
    package var acknowledgementTimeout: Duration = .seconds(15)
    /// For everything between TCP and the first stream.
    package var handshakeTimeout: Duration = .seconds(15)
    /// For the peer to tell who it is.
    package var identifyTimeout: Duration = .seconds(5)
    /// For what a peer has to say next on a stream that it keeps open, a ping or a whole request: as Go has it.
    package var streamIdleTimeout: Duration = .seconds(60)
    /// By which idle streams are timed.
    package var clock: any Clock<Duration> = ContinuousClock()
    /// How often connections are looked after: pings, streams without protocol, streams that linger.
    package var tickInterval: Duration = .seconds(2)
    /// Streams, pings and how long the peer may take for them.
    package var limits = YamuxSession.Limits()
    /// Bytes of one connection that nobody has read; above, TCP is not read either.
    package var unreadLimitBytes = 1 << 20
    /// Bytes of one connection that TCP does not take; above, the peer is given up.
    package var unsentLimitBytes = 1 << 20
    /// Addresses of one peer that are dialled at most.
    package var dialAttemptMax = 4
    /// When the next address of a peer is tried beside the one before.
    package var dialStagger: Duration = .milliseconds(250)
    package var offersEarlyMuxer = true

    package init() {}
}
