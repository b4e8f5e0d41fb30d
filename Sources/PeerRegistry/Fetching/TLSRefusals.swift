internal import HTTPFailures
internal import NIOCore
internal import NIOSSL
internal import Synchronization

/// Why servers closed connections that had only just been made: for the one who asks such a connection is merely closed.
///
/// A server of TLS 1.3 says that it wants another certificate when the client takes the handshake for over, and may have
/// sent nothing yet.
final class TLSRefusals: Sendable {
    /// Of more places than these the reasons are forgotten.
    static let countMax = 64

    private let reasons = Mutex<[SocketAddress: HTTPFailure.TLSFailure]>([:])

    /// Notes what a new connection is refused for. To be called on its event loop.
    func watch(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            guard let address = channel.remoteAddress, let tls = try? pipeline.handler(type: NIOSSLClientHandler.self)
            else { return }
            try pipeline.addHandler(Watcher(self, address), position: .after(tls))
        }
    }

    /// Why the server at `address` refused, and forgets it.
    /// - Parameter address: nil where it was asked by a name: whoever is asked so is the only one that its client asks.
    func take(_ address: SocketAddress?) -> HTTPFailure.TLSFailure? {
        reasons.withLock { reasons in
            guard let address else { return reasons.popFirst()?.value }
            return reasons.removeValue(forKey: address)
        }
    }

    fileprivate func note(_ failure: HTTPFailure.TLSFailure, at address: SocketAddress) {
        reasons.withLock { reasons in
            if reasons.count >= Self.countMax { reasons = [:] }
            reasons[address] = failure
        }
    }

    private final class Watcher: ChannelInboundHandler {
        typealias InboundIn = NIOAny

        private let refusals: TLSRefusals
        private let address: SocketAddress

        init(_ refusals: TLSRefusals, _ address: SocketAddress) {
            self.refusals = refusals
            self.address = address
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if case .tls(let failure) = HTTPFailure(error) { refusals.note(failure, at: address) }
            context.fireErrorCaught(error)
        }
    }
}
