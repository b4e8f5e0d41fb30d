import HostileInput
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

@testable import LibP2P

/// Hosts on loopback, ended with the test.
enum RunningHosts {
    static func configuration(_ change: (inout HostConfiguration) -> Void = { _ in }) throws -> HostConfiguration {
        var configuration = HostConfiguration()
        configuration.listen = [try Multiaddr("/ip4/127.0.0.1/tcp/0")]
        configuration.advertisesLoopback = true
        change(&configuration)
        return configuration
    }

    static func host(
        _ configuration: HostConfiguration? = nil, identity: Identity? = nil
    ) throws -> Host {
        let host = Host(
            identity: try identity ?? Identity(), configuration: try configuration ?? Self.configuration(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        host.handle("/echo") { stream in
            while let bytes = try await stream.read() { try await stream.write(bytes) }
        }
        return host
    }

    static func with(_ hosts: Host..., body: @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for host in hosts { group.addTask { try await host.run() } }
            defer { group.cancelAll() }
            for host in hosts { _ = try await host.boundAddresses() }
            try await body()
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct HostTests {
    static func echo(_ stream: PeerStream, _ text: String) async throws -> String {
        try await stream.write(ByteBuffer(string: text))
        stream.closeWrite()
        var answer = ""
        while let bytes = try await stream.read() { answer += String(buffer: bytes) }
        stream.release()
        return answer
    }

    @Test(arguments: [false, true], [false, true])
    func `two hosts meet and open streams in both directions`(isPrivate: Bool, isEarly: Bool) async throws {
        let key = try isPrivate ? PrivateNetworkKey([UInt8](repeating: 7, count: 32)) : nil
        let configuration = try RunningHosts.configuration {
            $0.privateNetwork = key
            $0.offersEarlyMuxer = isEarly
        }
        let (a, b) = (try RunningHosts.host(configuration), try RunningHosts.host(configuration))
        try await RunningHosts.with(a, b) {
            let stream = try await a.openStream(to: b.peerID, at: try await b.boundAddresses(), protocolID: "/echo")
            #expect(try await Self.echo(stream, "there") == "there")
            let back = try await b.openStream(to: a.peerID, protocolID: "/echo")
            #expect(try await Self.echo(back, "and back") == "and back")
            #expect(a.connectionCount == 1 && b.connectionCount == 1)
            #expect(try await a.ping(b.peerID, limit: .seconds(5)) > .zero)
        }
    }

    @Test func `both learn what the other speaks and where it listens`() async throws {
        let (a, b) = (try RunningHosts.host(), try RunningHosts.host())
        let events = AsyncStream.makeStream(of: HostEvent.self)
        for host in [a, b] { host.observe { events.continuation.yield($0) } }
        try await RunningHosts.with(a, b) {
            _ = try await a.connect(to: b.peerID, at: try await b.boundAddresses())
            var seen: [PeerID: IdentifiedPeer] = [:]
            for await event in events.stream {
                if case .identified(let peer) = event { seen[peer.peer] = peer }
                if seen.count == 2 { break }
            }
            #expect(seen[a.peerID]?.protocols.contains("/echo") == true)
            #expect(seen[b.peerID]?.listenAddresses == b.advertisedAddresses)
            #expect(b.advertisedAddresses == (try await b.boundAddresses()))

            b.handle("/new") { _ in }
            await b.pushIdentify()
            for await event in events.stream {
                if case .identified(let peer) = event, peer.protocols.contains("/new") { break }
            }
            a.disconnect(b.peerID)
            var gone: Set<PeerID> = []
            for await event in events.stream {
                if case .disconnected(let peer) = event { gone.insert(peer) }
                if gone.count == 2 { break }
            }
            #expect(a.connectionCount == 0 && b.connectionCount == 0)
        }
    }

    @Test func `8 MiB come back as they went, while the reader is slow`() async throws {
        let (a, b) = (try RunningHosts.host(), try RunningHosts.host())
        try await RunningHosts.with(a, b) {
            let stream = try await a.openStream(to: b.peerID, at: try await b.boundAddresses(), protocolID: "/echo")
            let chunk = ByteBuffer(bytes: (0..<(256 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for _ in 0..<32 { try await stream.write(chunk) }
                    stream.closeWrite()
                }
                var count = 0
                while let bytes = try await stream.read() {
                    for offset in stride(from: 0, to: bytes.readableBytes, by: 9973) {
                        let byte: UInt8? = bytes.getInteger(at: bytes.readerIndex + offset)
                        #expect(byte == UInt8(truncatingIfNeeded: (count + offset) % (256 << 10) &* 7))
                    }
                    count += bytes.readableBytes
                }
                #expect(count == 8 << 20)
                try await group.waitForAll()
            }
            stream.release()
        }
    }

    @Test func `a writer waits for its reader, and leaves when it is cancelled`() async throws {
        let (a, b) = (try RunningHosts.host(), try RunningHosts.host())
        b.handle("/silent") { _ in try await Task.sleep(for: .seconds(3600)) }
        try await RunningHosts.with(a, b) {
            let stream = try await a.openStream(to: b.peerID, at: try await b.boundAddresses(), protocolID: "/silent")
            let chunk = ByteBuffer(bytes: [UInt8](repeating: 1, count: 200 << 10))
            try await stream.write(chunk)
            await #expect(throws: StreamError.timedOut) {
                // The window is full after 256 KiB.
                try await withTimeLimit(.milliseconds(200)) { try await stream.write(chunk) }
            }
            await #expect(throws: StreamError.self, "what was cut short is of no use") { _ = try await stream.read() }
            #expect(try await a.ping(b.peerID, limit: .seconds(5)) > .zero)
        }
    }

    @Test func `another network, another peer, nobody and no address are told apart`() async throws {
        let key = try PrivateNetworkKey([UInt8](repeating: 7, count: 32))
        let a = try RunningHosts.host()
        let b = try RunningHosts.host()
        let foreign = try RunningHosts.host(try RunningHosts.configuration { $0.privateNetwork = key })
        try await RunningHosts.with(a, b, foreign) {
            let stranger = try Identity().peerID
            let addresses = try await b.boundAddresses()
            await #expect(
                throws: ConnectionError.noise(.unexpectedPeer(expected: stranger, actual: b.peerID))
            ) { _ = try await a.connect(to: stranger, at: addresses) }
            let foreignAddresses = try await foreign.boundAddresses()
            await #expect(throws: ConnectionError.closedUnheard(isPrivate: false)) {
                _ = try await a.connect(to: foreign.peerID, at: foreignAddresses)
            }
            await #expect(throws: ConnectionError.closedUnheard(isPrivate: true)) {
                _ = try await foreign.connect(to: b.peerID, at: addresses)
            }
            await #expect(throws: ConnectionError.noAddress) { _ = try await a.connect(to: stranger, at: []) }
            await #expect(throws: ConnectionError.ownAddress) { _ = try await a.connect(to: a.peerID, at: addresses) }
            // Nobody listens on port 1.
            let nowhere = [try Multiaddr("/ip4/127.0.0.1/tcp/1")]
            await #expect(throws: ConnectionError.self) { _ = try await a.connect(to: stranger, at: nowhere) }
            // Whoever it is will do for a bootstrap.
            #expect(try await a.connect(toAnyoneAt: addresses).peer == b.peerID)
        }
    }

    @Test func `whoever is connected is not dialled again for the bootstrap`() async throws {
        let (a, b) = (try RunningHosts.host(), try RunningHosts.host())
        try await RunningHosts.with(a, b) {
            let (of, named) = (try await a.boundAddresses(), try await b.boundAddresses())
            let first = try await a.connect(toAnyoneAt: named)
            for _ in 0..<20 {
                #expect(try await a.connect(toAnyoneAt: named).id == first.id)
                #expect(try await a.connect(toAnyoneAt: named.map { $0.with(b.peerID) }).id == first.id)
            }
            // The other way round nothing tells beforehand who is there.
            while b.connectionCount == 0 { try await Task.sleep(for: .milliseconds(1)) }
            for _ in 0..<20 { #expect(try await b.connect(toAnyoneAt: of).direction == .inbound) }
            while a.connectionCount > 1 || b.connectionCount > 1 { try await Task.sleep(for: .milliseconds(1)) }
            #expect(try await a.ping(b.peerID, limit: .seconds(5)) > .zero)
        }
    }

    @Test func `two that dial each other at once keep a connection`() async throws {
        for _ in 0..<20 {
            let (a, b) = (try RunningHosts.host(), try RunningHosts.host())
            try await RunningHosts.with(a, b) {
                let (toA, toB) = (try await a.boundAddresses(), try await b.boundAddresses())
                async let one = a.connect(toAnyoneAt: toB)
                async let other = b.connect(toAnyoneAt: toA)
                #expect(try await one.peer == b.peerID)
                #expect(try await other.peer == a.peerID)
                #expect(try await a.ping(b.peerID, limit: .seconds(5)) > .zero)
                #expect(try await b.ping(a.peerID, limit: .seconds(5)) > .zero)
            }
        }
    }

    @Test func `callers that want the same peer share one connection`() async throws {
        let (a, b) = (try RunningHosts.host(), try RunningHosts.host())
        try await RunningHosts.with(a, b) {
            let addresses = try await b.boundAddresses()
            let ids = try await withThrowingTaskGroup(of: UInt64.self) { group in
                for _ in 0..<20 { group.addTask { try await a.connect(to: b.peerID, at: addresses).id } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
        }
    }

    @Test func `a protocol that the peer does not speak fails the stream, and not the connection`() async throws {
        let (a, b) = (try RunningHosts.host(), try RunningHosts.host())
        try await RunningHosts.with(a, b) {
            let stream = try await a.openStream(to: b.peerID, at: try await b.boundAddresses(), protocolID: "/none")
            await #expect(throws: StreamError.negotiation(.nothingInCommon)) { _ = try await stream.read() }
            #expect(try await a.ping(b.peerID, limit: .seconds(5)) > .zero)
        }
    }

    @Test func `that nobody listens is said in words`() async throws {
        let host = try RunningHosts.host()
        try await RunningHosts.with(host) {
            let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: 0).get()
            let port = try #require(listener.localAddress?.port)
            try await listener.close()
            await #expect(throws: ConnectionError.unreachable(reason: "Connection refused")) {
                try await host.connect(toAnyoneAt: [try Multiaddr("/ip4/127.0.0.1/tcp/\(port)")])
            }
        }
    }

    /// Nothing, half a proposal, and the beginning of a handshake; in a private network, less than its nonce.
    @Test(arguments: ["", "\u{13}/multi", "\u{13}/multistream/1.0.0\n\u{7}/noise\n\0"], [false, true])
    func `who says nothing, or does not go on, is hung up on`(_ words: String, isPrivate: Bool) async throws {
        let host = try RunningHosts.host(
            try RunningHosts.configuration {
                $0.handshakeTimeout = .milliseconds(100)
                $0.handshakeLimit = 1
                $0.privateNetwork = try? isPrivate ? PrivateNetworkKey([UInt8](repeating: 7, count: 32)) : nil
            })
        try await RunningHosts.with(host) {
            // The second one as well: the first has given its place back.
            for _ in 0..<2 {
                let closed = try await Self.rawConnection(to: host) { channel in
                    channel.writeAndFlush(ByteBuffer(string: words), promise: nil)
                }
                try await closed.get()
            }
            #expect(host.connectionCount == 0)
        }
    }

    @Test func `who speaks another protocol is hung up on, and the host goes on`() async throws {
        let host = try RunningHosts.host(try RunningHosts.configuration { $0.handshakeTimeout = .seconds(30) })
        try await RunningHosts.with(host) {
            let closed = try await Self.rawConnection(to: host) { channel in
                channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"), promise: nil)
            }
            try await closed.get()
            // The host is as it was.
            let other = try RunningHosts.host()
            try await RunningHosts.with(other) {
                _ = try await other.connect(to: host.peerID, at: try await host.boundAddresses())
            }
        }
    }

    @Test func `connections above the limit give way to new ones, or are refused while all are young`() async throws {
        let (a, b, c) = (try RunningHosts.host(), try RunningHosts.host(), try RunningHosts.host())
        let strict = try RunningHosts.host(try RunningHosts.configuration { $0.connectionLimit = 2 })
        let loose = try RunningHosts.host(
            try RunningHosts.configuration {
                $0.connectionLimit = 2
                $0.connectionGrace = .zero
            })
        let strictEvents = AsyncStream.makeStream(of: HostEvent.self)
        strict.observe { strictEvents.continuation.yield($0) }
        try await RunningHosts.with(a, b, c, strict, loose) {
            for host in [a, b, c] {
                _ = try await host.connect(to: loose.peerID, at: try await loose.boundAddresses())
                // The dialler is done before the other end has counted the connection.
                try await Self.until { loose.isConnected(to: host.peerID) }
            }
            try await Self.until { loose.connectionCount == 2 && !loose.isConnected(to: a.peerID) }
            for host in [a, b] {
                _ = try await strict.connect(to: host.peerID, at: try await host.boundAddresses())
            }
            let addresses = try await c.boundAddresses()
            await #expect(throws: ConnectionError.tooManyConnections) {
                _ = try await strict.connect(to: c.peerID, at: addresses)
            }
            #expect(strict.connectionCount == 2)
        }
    }

    @Test func `a stopped host says goodbye, and its streams end`() async throws {
        let (a, b) = (try RunningHosts.host(), try RunningHosts.host())
        try await RunningHosts.with(a) {
            let stream = try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await b.run() }
                let stream = try await a.openStream(to: b.peerID, at: try await b.boundAddresses(), protocolID: "/echo")
                try await stream.write(ByteBuffer(string: "x"))
                _ = try await stream.read()
                group.cancelAll()
                return stream
            }
            await #expect(throws: (any Error).self) {
                while try await stream.read() != nil {}
                throw StreamError.closed
            }
            try await Self.until { a.connectionCount == 0 }
        }
    }

    /// Waits for a condition that the host's own threads bring about.
    static func until(_ condition: () -> Bool) async throws {
        while !condition() {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// Connects without speaking libp2p; the future succeeds when the host has closed the connection.
    private static func rawConnection(
        to host: Host, _ body: @Sendable (any Channel) -> Void
    ) async throws -> EventLoopFuture<Void> {
        let address = try await host.boundAddresses()[0]
        let endpoint = try #require(address.endpoint)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: endpoint.host, port: endpoint.port).get()
        body(channel)
        return channel.closeFuture
    }
}
