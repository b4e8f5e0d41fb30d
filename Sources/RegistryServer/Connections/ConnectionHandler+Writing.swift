internal import Listening
internal import NIOCore
internal import NIOHTTP1

/// How answers go out: as bytes in HTTP/1.1, as parts in HTTP/2, whose library makes frames of them.
extension ConnectionHandler {
    /// Writes an answer's head, and the body of one that is whole in memory.
    func writeHead(of answer: Answer, followedBy body: ByteBuffer? = nil) {
        guard let exchange, let context else { return }
        exchange.answer = answer
        exchange.isHeadWritten = true
        exchange.bytesSent += Int64(body?.readableBytes ?? 0)
        needsFlush = true
        guard transport != .http2 else {
            var fields = answer.fields
            fields.add("Date", environment.date.text)
            let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: fields.headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            if let body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
            return
        }
        if environment.connections.isDraining { exchange.pending.closesConnection = true }
        if case .content(_, let range) = answer.body, range.upperBound == .max, !exchange.pending.request.isHead {
            exchange.isChunked = true
        }
        let head = ResponseHead(
            status: answer.status, fields: answer.fields, date: environment.date.text,
            closesConnection: exchange.pending.closesConnection, isChunked: exchange.isChunked)
        let (bytes, rest) = head.bytes(followedBy: body)
        write(bytes, promise: nil)
        if let rest { write(rest, promise: nil) }
    }

    /// Writes a piece of a body that is being sent.
    func writePiece(_ data: IOData, promise: EventLoopPromise<Void>) {
        guard let exchange, let context else { return promise.fail(ChannelError.ioOnClosedChannel) }
        exchange.bytesSent += Int64(data.readableBytes)
        if transport == .http2 {
            context.writeAndFlush(wrapOutboundOut(.body(data)), promise: promise)
        } else if exchange.isChunked, data.readableBytes > 0 {
            // RFC 9112, 7.1.
            write(ByteBuffer(string: String(data.readableBytes, radix: 16) + "\r\n"), promise: nil)
            context.write(NIOAny(data), promise: nil)
            write(ByteBuffer(string: "\r\n"), promise: promise)
            context.flush()
        } else {
            context.writeAndFlush(NIOAny(data), promise: promise)
        }
    }

    /// Writes what ends an answer.
    /// - Parameter promise: done when everything that was written so far has been sent.
    func writeEnd(isChunked: Bool, promise: EventLoopPromise<Void>?) {
        if transport == .http2 {
            context?.write(wrapOutboundOut(.end(nil)), promise: promise)
        } else if isChunked {
            write(ByteBuffer(string: "0\r\n\r\n"), promise: promise)
        } else if let promise {
            write(ByteBuffer(), promise: promise)
        }
    }

    private func write(_ bytes: ByteBuffer, promise: EventLoopPromise<Void>?) {
        context?.write(NIOAny(IOData.byteBuffer(bytes)), promise: promise)
    }
}
