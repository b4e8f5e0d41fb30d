internal import NIOCore
internal import Synchronization

/// When anything was last heard on a connection. First in its pipeline.
final class GRPCHearing: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let last = Mutex(NIODeadline.now())

    func isSilent(since moment: NIODeadline) -> Bool { last.withLock { $0 < moment } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        last.withLock { $0 = .now() }
        context.fireChannelRead(data)
    }
}
