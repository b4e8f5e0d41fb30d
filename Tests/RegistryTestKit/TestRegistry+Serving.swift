internal import NIOCore
internal import NIOHTTP1

extension TestRegistry {
    /// What a request's body may hold: forms only.
    private static let bodyLimitBytes = 64 * 1024

    /// Answers one request after the other until either side closes.
    func serve(_ connection: NIOAsyncChannel<HTTPServerRequestPart, ByteBuffer>, id: Int) async {
        // What fails here is the connection, and the client sees that.
        try? await connection.executeThenClose { inbound, _ in
            var head: HTTPRequestHead?
            var body = ByteBuffer()
            for try await part in inbound {
                switch part {
                case .head(let received):
                    head = received
                    body.clear()
                case .body(var bytes):
                    guard body.readableBytes + bytes.readableBytes <= Self.bodyLimitBytes else { return }
                    body.writeBuffer(&bytes)
                case .end:
                    guard let request = head else { return }
                    let (index, answer) = answer(
                        request, body: String(buffer: body), connection: id,
                        clientAddress: connection.channel.remoteAddress?.ipAddress ?? address)
                    let staysOpen: Bool
                    do {
                        staysOpen = try await send(answer, to: request, index: index, connection.channel)
                    } catch {
                        state.update { $0.log[index].progress = .aborted }
                        throw error
                    }
                    guard staysOpen else { return }
                }
            }
        }
    }

    /// Writes an answer by hand, since NIO's encoder would mend what is meant to be broken; and to the channel rather
    /// than by the asynchronous writer, which takes any number of bytes while its event loop is busy: what counts as
    /// sent here has gone to the socket.
    /// - Returns: whether another request may follow.
    private func send(
        _ answer: Answer, to request: HTTPRequestHead, index: Int, _ channel: any Channel
    ) async throws -> Bool {
        for gate in answer.headGates { try await gate.pass() }
        if answer.closesAtOnce {
            state.update { $0.log[index].progress = .aborted }
            return false
        }
        state.update { $0.log[index].status = answer.status }
        let closes =
            answer.isClosing || request.headers[canonicalForm: "connection"].contains { $0.lowercased() == "close" }
        try await channel.writeAndFlush(answer.head(closes: closes)).get()
        let hasBody = request.method != .HEAD && answer.status != 204 && answer.status != 304
        let isWhole = hasBody ? try await sendBody(of: answer, index: index, channel) : true
        state.update { $0.log[index].progress = isWhole ? .finished : .aborted }
        return isWhole && !closes
    }

    /// - Returns: whether nothing was left out.
    private func sendBody(
        of answer: Answer, index: Int, _ channel: any Channel
    ) async throws -> Bool {
        var isChunked = false
        if case .chunked = answer.framing { isChunked = true }
        var rest = answer.body
        var sent = 0
        var gates = answer.bodyGates.sorted { $0.afterBytes < $1.afterBytes }
        if answer.isEndless { rest = ByteBuffer(repeating: 0, count: 65_536) }
        while true {
            while let gate = gates.first, gate.afterBytes <= sent {
                gates.removeFirst()
                try await gate.gate.pass()
            }
            if let limit = answer.truncatedAfterBytes, sent >= limit { return false }
            guard rest.readableBytes > 0 else { break }
            var count = min(rest.readableBytes, answer.pace?.chunkBytes ?? 65_536)
            if let gate = gates.first { count = min(count, gate.afterBytes - sent) }
            if let limit = answer.truncatedAfterBytes { count = min(count, limit - sent) }
            try await answer.pace?.gate.pass()
            guard let piece = answer.isEndless ? rest.getSlice(at: 0, length: count) : rest.readSlice(length: count)
            else { break }
            try await channel.writeAndFlush(isChunked ? Self.chunk(piece) : piece).get()
            sent += count
            state.update { $0.log[index].bodyBytesSent = sent }
        }
        if isChunked { try await channel.writeAndFlush(ByteBuffer(string: "0\r\n\r\n")).get() }
        return true
    }

    private static func chunk(_ bytes: ByteBuffer) -> ByteBuffer {
        var chunk = ByteBuffer(string: String(bytes.readableBytes, radix: 16) + "\r\n")
        chunk.writeImmutableBuffer(bytes)
        chunk.writeString("\r\n")
        return chunk
    }
}

extension Answer {
    /// Whether the connection ends with this answer.
    var isClosing: Bool {
        switch framing {
        case .length(let declared): declared.map { $0 != body.readableBytes } ?? false
        case .chunked: false
        case .closeDelimited: true
        }
    }

    /// The head as it goes over the wire.
    func head(closes: Bool) -> ByteBuffer {
        var text = "HTTP/1.1 \(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        switch framing {
        case .length(let declared):
            if status != 204, status != 304 { text += "Content-Length: \(declared ?? body.readableBytes)\r\n" }
        case .chunked: text += "Transfer-Encoding: chunked\r\n"
        case .closeDelimited: break
        }
        if closes { text += "Connection: close\r\n" }
        return ByteBuffer(string: text + "\r\n")
    }
}
