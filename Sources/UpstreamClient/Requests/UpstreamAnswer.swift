internal import HTTPSemantics
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Upstream

/// An answer whose head is here and whose body may still be on its way. Dropping it ends the transfer.
final class UpstreamAnswer: Sendable {
    /// What is read of a body that nobody wants, so that its connection can serve again.
    private static let discardLimitBytes = 64 * 1024
    private static let discardLimit = Duration.seconds(1)

    let head: HTTPResponseHead
    /// Where it came from in the end.
    let address: WebAddress
    /// Whether the rule's own host gave it, rather than one that it redirected to.
    let isFromUpstream: Bool
    private let method: HTTPMethod
    private let exchange: Exchange
    private let metrics: UpstreamMetrics
    /// How long reading a whole body may take.
    private let bodyTimeout: Duration

    init(
        head: HTTPResponseHead, address: WebAddress, isFromUpstream: Bool, method: HTTPMethod, exchange: Exchange,
        metrics: UpstreamMetrics, bodyTimeout: Duration
    ) {
        self.head = head
        self.address = address
        self.isFromUpstream = isFromUpstream
        self.method = method
        self.exchange = exchange
        self.metrics = metrics
        self.bodyTimeout = bodyTimeout
    }

    deinit { exchange.cancel() }

    var status: Int { Int(head.status.code) }
    var headers: HTTPHeaders { head.headers }

    /// The body's size as announced, in bytes; of a HEAD what a GET would have.
    var contentLength: Int64? { headers.first(name: "Content-Length").flatMap { decimal($0) } }

    /// The next piece of the body; nil at its end.
    func next() async throws(Failure) -> ByteBuffer? {
        do {
            let piece = try await exchange.next()
            if let piece { metrics.received(bytes: piece.readableBytes) }
            return piece
        } catch {
            throw Failure(error, hasHead: true)
        }
    }

    /// The whole body.
    func collect(limitBytes: Int) async throws(Failure) -> ByteBuffer {
        if method != .HEAD, let announced = contentLength, announced > Int64(limitBytes) {
            throw Failure(.tooLarge(limitBytes: limitBytes))
        }
        let timer = expire(after: bodyTimeout)
        defer { timer.cancel() }
        var body = ByteBuffer()
        while var piece = try await next() {
            guard piece.readableBytes <= limitBytes - body.readableBytes else {
                throw Failure(.tooLarge(limitBytes: limitBytes))
            }
            if body.readableBytes == 0 { body = piece } else { body.writeBuffer(&piece) }
        }
        if let announced = contentLength, announced != Int64(body.readableBytes) {
            throw Failure(.truncated, retry: .afterBackOff)
        }
        return body
    }

    /// The first bytes of the body, however it goes on.
    func beginning(limitBytes: Int) async -> ByteBuffer {
        let timer = expire(after: Self.discardLimit)
        defer { timer.cancel() }
        var body = ByteBuffer()
        while body.readableBytes < limitBytes, let piece = try? await next() { body.writeImmutableBuffer(piece) }
        return body.getSlice(at: body.readerIndex, length: min(body.readableBytes, limitBytes)) ?? body
    }

    /// Reads to the end if that is near, so that the connection can be used again.
    func discard() async {
        if let announced = contentLength, method != .HEAD, announced > Int64(Self.discardLimitBytes) { return }
        _ = await beginning(limitBytes: Self.discardLimitBytes)
    }

    /// An upstream that sends a byte now and then is never stalled, and still must not hold anyone up for ever.
    private func expire(after limit: Duration) -> Scheduled<Void> {
        MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: TimeAmount(limit)) { [weak exchange] in
            exchange?.expire()
        }
    }
}
