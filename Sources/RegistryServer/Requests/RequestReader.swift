internal import NIOCore

/// The first to see a connection's bytes. Reads plain requests itself, up to the first byte that belongs to anything
/// else; from there on everything is the general parser's.
///
/// It never goes back: what the parser has in hand cannot be known from outside.
final class RequestReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: ConnectionHandler
    private let limitBytes: Int
    private var isPlain = true

    /// - Parameter limitBytes: of a request's head.
    init(connection: ConnectionHandler, limitBytes: Int) {
        self.connection = connection
        self.limitBytes = limitBytes
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.noteArrival()
        guard isPlain else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        while bytes.readableBytes > 0 {
            let request = bytes.withUnsafeReadableBytes { bytes in
                bytes.withMemoryRebound(to: UInt8.self) { PlainRequest($0, limitBytes: limitBytes) }
            }
            guard let request else {
                isPlain = false
                connection.noteArrival()
                context.fireChannelRead(wrapInboundOut(bytes))
                return
            }
            bytes.moveReaderIndex(forwardBy: request.count)
            connection.receive(request)
        }
    }
}
