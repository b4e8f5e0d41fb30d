internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A proxy that knows CONNECT and nothing else.
package final class ConnectProxy: Sendable {
    package struct Tunnel: Sendable, Hashable {
        package var target: String
        package var authorization: String?

        package init(target: String, authorization: String?) {
            self.target = target
            self.authorization = authorization
        }
    }

    fileprivate final class Log: Sendable {
        let tunnels = Mutex<[Tunnel]>([])
    }

    private let log: Log
    private let channel: any Channel

    /// What was asked for, in order.
    package var tunnels: [Tunnel] { log.tunnels.withLock { $0 } }
    package var port: Int { channel.localAddress?.port ?? 0 }

    private init(log: Log, channel: any Channel) {
        self.log = log
        self.channel = channel
    }

    /// - Parameters:
    ///   - status: what to refuse every tunnel with.
    ///   - targets: where to connect in place of a target that is asked for, both `HOST:PORT`; others are taken as
    ///     they are.
    package static func withRunning(
        refusing status: Int? = nil, leading targets: [String: String] = [:],
        _ body: (ConnectProxy) async throws -> Void
    ) async throws {
        let log = Log()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        TunnelHandler(log: log, status: status, targets: targets))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            try await body(ConnectProxy(log: log, channel: channel))
        } catch {
            try await channel.close()
            throw error
        }
        try await channel.close()
    }
}

/// Reads the head, connects, and passes on what comes then.
private final class TunnelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let log: ConnectProxy.Log
    private let status: Int?
    private let targets: [String: String]
    private var head = ByteBuffer()
    private var target: (any Channel)?

    init(log: ConnectProxy.Log, status: Int?, targets: [String: String]) {
        self.log = log
        self.status = status
        self.targets = targets
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if let target {
            target.writeAndFlush(bytes, promise: nil)
            return
        }
        head.writeBuffer(&bytes)
        let text = String(buffer: head)
        guard text.hasSuffix("\r\n\r\n") else { return }
        let lines = text.split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count == 3, words[0] == "CONNECT" else { return context.close(promise: nil) }
        let authorization = lines.first { $0.lowercased().hasPrefix("proxy-authorization: ") }.map {
            String($0.dropFirst(21))
        }
        log.tunnels.withLock { $0.append(.init(target: String(words[1]), authorization: authorization)) }
        if let status {
            return answer("HTTP/1.1 \(status) Refused\r\nContent-Length: 0\r\n\r\n", context.channel)
        }
        let parts = (targets[String(words[1])] ?? String(words[1])).split(separator: ":")
        guard parts.count == 2, let port = Int(parts[1]) else { return context.close(promise: nil) }
        let client = context.channel
        ClientBootstrap(group: context.eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(RelayHandler(to: client))
                }
            }
            .connect(host: String(parts[0]), port: port)
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let channel):
                    self.target = channel
                    self.answer("HTTP/1.1 200 Connected\r\n\r\n", client)
                case .failure: client.close(promise: nil)
                }
            }
    }

    func channelInactive(context: ChannelHandlerContext) { target?.close(promise: nil) }

    private func answer(_ text: String, _ channel: any Channel) {
        channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
    }
}

private final class RelayHandler: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let other: any Channel

    init(to other: any Channel) { self.other = other }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
}
