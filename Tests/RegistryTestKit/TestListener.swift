package import NIOCore
package import NIOHTTP1
internal import NIOPosix
package import NIOSSL

/// The shell of a server in this process: a port that goes down and comes up again, and its connections. Speaks HTTP/1.1 on
/// one address of the loopback network and a port of the system's choice, by TLS where it is given a context. What is
/// answered is its owner's.
package final class TestListener: Sendable {
    package typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, ByteBuffer>

    private struct State: Sendable {
        var isUp = false
        var connections: [Int: any Channel] = [:]
        var connectionCount = 0
        var server: (any Channel)?
        /// Nobody else gets the port while the server is down.
        var portHolder: PortHolder?
    }

    /// An address of the loopback network: `127.0.0.1`, or another of `127.0.0.0/8` for a second host.
    package let address: String
    package let port: Int
    package let context: NIOSSLContext?
    private let state = Watched(State())

    /// Takes a port, and does not listen yet.
    package init(address: String, context: NIOSSLContext?) throws {
        let holder = try PortHolder(address: address)
        self.address = address
        port = holder.port
        self.context = context
        state.update { $0.portHolder = holder }
    }

    // MARK: Up and down

    /// Listens, again on the same port; without effect where it does.
    /// - Parameter serve: answers one connection until either side closes it.
    package func listen(_ serve: @escaping @Sendable (Connection, _ id: Int) async -> Void) async throws {
        guard state.read({ $0.server == nil }) else { return }
        state.update { $0.isUp = true }
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel, serve) }
            }
            .bind(host: address, port: port).get()
        state.update { state in
            state.server = channel
            state.portHolder = nil
        }
    }

    /// Closes the port and every connection: the host refuses connections until ``listen(_:)``. Nobody else gets the
    /// port in between.
    package func goDown() async {
        // Held before it is closed: otherwise another test's socket might get it.
        let holder = try? PortHolder(address: address, port: port)
        let (server, connections) = state.update { state in
            let server = state.server
            state.server = nil
            state.isUp = false
            if state.portHolder == nil { state.portHolder = holder }
            return (server, Array(state.connections.values))
        }
        try? await server?.close()
        for connection in connections { connection.close(promise: nil) }
        try? await state.wait(for: "connections to close") { $0.connections.isEmpty }
    }

    /// Ends it.
    package func stop() async {
        await goDown()
        state.update { $0.portHolder = nil }
    }

    private func accept(
        _ channel: any Channel, _ serve: @escaping @Sendable (Connection, Int) async -> Void
    ) throws {
        if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
        try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
        let connection = try Connection(wrappingChannelSynchronously: channel)
        let id = state.update { state in
            state.connectionCount += 1
            state.connections[state.connectionCount] = channel
            return state.connectionCount
        }
        // Accepted just before the port was closed.
        if state.read({ !$0.isUp }) { channel.close(promise: nil) }
        // A task of its own for each connection, since NIO accepts outside of any; `goDown` waits for all of them.
        let task = Task {
            await serve(connection, id)
            self.state.update { $0.connections[id] = nil }
        }
        // A client that leaves ends what its connection still waits for.
        channel.closeFuture.whenComplete { _ in task.cancel() }
    }

    // MARK: Connections

    /// That are open now.
    package var openConnectionCount: Int { state.read { $0.connections.count } }
    /// That were ever made.
    package var connectionCount: Int { state.read { $0.connectionCount } }

    /// Cuts connections as a network does.
    package func cut(_ ids: some Sequence<Int>) {
        let ids = Array(ids)
        let channels = state.read { state in ids.compactMap { state.connections[$0] } }
        for channel in channels { channel.close(promise: nil) }
    }

    /// Returns once no more than `count` connections are open.
    package func waitForOpenConnections(atMost count: Int) async throws {
        try await state.wait(for: "connections to close") { $0.connections.count <= count }
    }
}
