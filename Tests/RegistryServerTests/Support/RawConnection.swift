import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

/// A client that sends exactly the bytes that a test says, and shows exactly those it gets.
final class RawConnection: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let state = Mutex(State())

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            change { $0.bytes += bytes }
        }

        func channelInactive(context: ChannelHandlerContext) { change { $0.isClosed = true } }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func change(_ body: (inout State) -> Void) {
            let waiting = state.withLock { state in
                body(&state)
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
    }

    private let collector: Collector
    let channel: any Channel

    private init(collector: Collector, channel: any Channel) {
        self.collector = collector
        self.channel = channel
    }

    /// - Parameter reads: whether bytes are taken from the socket before ``startReading()``.
    static func connect(
        to server: RunningServer, reads: Bool = true, receiveBuffer: Int? = nil, tls: NIOSSLContext? = nil
    ) async throws -> RawConnection {
        let collector = Collector()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: "localhost"))
                    }
                    try channel.pipeline.syncOperations.addHandler(collector)
                }
            }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: server.port).get()
        return RawConnection(collector: collector, channel: channel)
    }

    func startReading() async throws { try await channel.setOption(.autoRead, value: true).get() }

    func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }

    /// The server may have closed already.
    func close() async throws { try? await channel.close().get() }

    /// Waits for the server to close.
    func closed() async throws { try await wait { $0.isClosed } }

    var received: [UInt8] { collector.state.withLock { $0.bytes } }
    var isClosed: Bool { collector.state.withLock { $0.isClosed } }

    /// The next answer. Where the connection closes before its end, what came of it.
    func answer(isHead: Bool = false) async throws -> RawAnswer {
        while true {
            let (answer, seen, isClosed) = collector.state.withLock { state -> (RawAnswer?, Int, Bool) in
                guard let (answer, count) = RawAnswer.parse(state.bytes, isHead: isHead, isClosed: state.isClosed)
                else { return (nil, state.bytes.count, state.isClosed) }
                state.bytes.removeFirst(count)
                return (answer, state.bytes.count, state.isClosed)
            }
            if let answer { return answer }
            guard !isClosed else { throw ConnectionClosed() }
            try await received(atLeast: max(seen + 1, RawAnswer.announcedCount(received) ?? 0))
        }
    }

    /// Waits until at least `count` bytes were received, or the connection closed.
    func received(atLeast count: Int) async throws { try await wait { $0.bytes.count >= count || $0.isClosed } }

    private func wait(until condition: (State) -> Bool) async throws {
        while true {
            try Task.checkCancellation()
            var isMet = false
            await withCheckedContinuation { continuation in
                isMet = collector.state.withLock { state in
                    if condition(state) { return true }
                    state.waiting.append(continuation)
                    return false
                }
                if isMet { continuation.resume() }
            }
            if isMet { return }
        }
    }

    struct ConnectionClosed: Error {}
}

/// An answer as it came over the wire.
struct RawAnswer: Sendable, CustomTestStringConvertible {
    var testDescription: String { "\(status), \(body.count) bytes" }

    var status: Int
    /// By name in lower case; the last of each.
    var fields: [String: String]
    var body: [UInt8]
    /// Whether everything came that the head announced, and a chunked body's end.
    var isComplete: Bool

    var text: String { String(decoding: body, as: UTF8.self) }
    subscript(name: String) -> String? { fields[name] }

    /// Returns nil where more has to come first; else the answer, and how many bytes it took.
    static func parse(_ bytes: [UInt8], isHead: Bool, isClosed: Bool) -> (RawAnswer, Int)? {
        guard let end = find([13, 10, 13, 10], in: bytes, from: 0) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        guard let first = lines.first, first.hasPrefix("HTTP/1.1 "), let status = Int(first.dropFirst(9).prefix(3))
        else { return nil }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        let start = end + 4
        if isHead || status == 304 || status == 204 {
            return (RawAnswer(status: status, fields: fields, body: [], isComplete: true), start)
        }
        if fields["transfer-encoding"] == "chunked" {
            return chunked(bytes, from: start, isClosed: isClosed).map { body, end, isComplete in
                (RawAnswer(status: status, fields: fields, body: body, isComplete: isComplete), end)
            }
        }
        let length = fields["content-length"].flatMap { Int($0) } ?? 0
        if bytes.count >= start + length {
            let body = Array(bytes[start..<(start + length)])
            return (RawAnswer(status: status, fields: fields, body: body, isComplete: true), start + length)
        }
        guard isClosed else { return nil }
        return (RawAnswer(status: status, fields: fields, body: Array(bytes[start...]), isComplete: false), bytes.count)
    }

    /// How many bytes the first answer in `bytes` takes, once its head is there and says so.
    static func announcedCount(_ bytes: [UInt8]) -> Int? {
        guard let end = find([13, 10, 13, 10], in: bytes, from: 0) else { return nil }
        for line in String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        where line.lowercased().hasPrefix("content-length: ") {
            guard let length = Int(line.dropFirst(16)), end + 4 + length > bytes.count else { return nil }
            return end + 4 + length
        }
        return nil
    }

    private static func chunked(_ bytes: [UInt8], from start: Int, isClosed: Bool) -> ([UInt8], Int, Bool)? {
        var body: [UInt8] = []
        var position = start
        while let line = find([13, 10], in: bytes, from: position) {
            guard let size = Int(String(decoding: bytes[position..<line], as: UTF8.self), radix: 16) else { return nil }
            guard bytes.count >= line + 2 + size + 2 else { break }
            if size == 0 { return (body, line + 4, true) }
            body += bytes[(line + 2)..<(line + 2 + size)]
            position = line + 2 + size + 2
        }
        return isClosed ? (body, bytes.count, false) : nil
    }

    private static func find(_ pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= start + pattern.count else { return nil }
        return (start...(bytes.count - pattern.count)).first { bytes[$0..<($0 + pattern.count)].elementsEqual(pattern) }
    }
}

extension RunningServer {
    /// Sends `text` over a connection of its own and returns the first answer.
    func exchange(_ text: String, isHead: Bool = false) async throws -> RawAnswer {
        let connection = try await RawConnection.connect(to: self)
        try await connection.send(text)
        let answer = try await connection.answer(isHead: isHead)
        try await connection.close()
        return answer
    }

    func get(_ target: String, _ fields: String..., method: String = "GET") async throws -> RawAnswer {
        let lines = ["\(method) \(target) HTTP/1.1", "Host: \(address)"] + fields
        return try await exchange(lines.joined(separator: "\r\n") + "\r\n\r\n", isHead: method == "HEAD")
    }
}
