internal import NIOCore
internal import NIOHTTP2

/// Closes a connection that can carry no more calls, so that those on it end and the next call makes another.
///
/// The library stops reading where a connection errs, says so to the other side, and leaves the rest to us: without this
/// both sides wait for each other, and the connection looks as if it were well. An error of one call is no reason: it is
/// told apart by whether the connection was given up.
final class GRPCConnectionWatch: ChannelInboundHandler, NIOHTTP2FrameDelegate {
    typealias InboundIn = HTTP2Frame

    private var isGivenUp = false

    /// Called on the connection's event loop, before the error comes along.
    func wroteFrame(_ frame: HTTP2Frame) {
        if case .goAway = frame.payload { isGivenUp = true }
    }

    /// Frames of the connection itself. After this one the server takes no more calls; containerd sends it as it stops.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .goAway = unwrapInboundIn(data).payload {
            context.close(promise: nil)
        } else {
            context.fireChannelRead(data)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isGivenUp || error is IOError {
            context.close(promise: nil)
        } else {
            context.fireErrorCaught(error)
        }
    }
}
