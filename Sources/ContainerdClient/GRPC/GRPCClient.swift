package import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2
internal import NIOPosix
internal import Synchronization

/// Calls by gRPC over a Unix socket: one request, and one or many answers.
///
/// One connection carries all calls. It is made when it is needed, and anew when it broke; no call is tried twice.
/// Decision 0017 says why this is not a library's.
package final class GRPCClient: Sendable {
    private typealias Multiplexer = NIOHTTP2Handler.AsyncStreamMultiplexer<Void>

    private struct Connection: Sendable {
        let channel: any Channel
        let multiplexer: Multiplexer
        let hearing: GRPCHearing
    }

    private struct State {
        var connection: Connection?
        /// A connection that is being made.
        var coming: EventLoopFuture<Connection>?
    }

    private let path: String
    private let fields: [(String, String)]
    private let limitBytes: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - fields: sent with every call.
    ///   - limitBytes: of one answer.
    package init(socket path: String, fields: [(String, String)], limitBytes: Int = 16 << 20) {
        self.path = path
        self.fields = fields
        self.limitBytes = limitBytes
    }

    deinit { state.withLock { $0.connection?.channel.close(promise: nil) } }

    /// Calls `method` (`package.Service/Method`), which has one answer.
    package func unary(
        _ method: String, _ request: [UInt8], within limit: Duration = .seconds(10)
    ) async throws(GRPCError) -> ByteBuffer {
        let answer = Mutex<ByteBuffer?>(nil)
        try await stream(method, request, within: limit) { message in answer.withLock { $0 = message } }
        guard let answer = answer.withLock({ $0 }) else { throw .malformed("no message") }
        return answer
    }

    /// Calls `method`, and hands out its answers one by one; the next is read when `receive` has returned.
    /// - Parameters:
    ///   - limit: for all of it; nil for a stream that lasts.
    ///   - began: called when the request has been sent.
    package func stream(
        _ method: String, _ request: [UInt8], within limit: Duration?, began: @escaping @Sendable () -> Void = {},
        receive: @escaping @Sendable (ByteBuffer) async throws(GRPCError) -> Void
    ) async throws(GRPCError) {
        let start = NIODeadline.now()
        let result = await withTaskGroup(of: Result<Void, GRPCError>.self) { group in
            group.addTask {
                do throws(GRPCError) {
                    return .success(try await self.call(method, request, began: began, receive: receive))
                } catch {
                    return .failure(error)
                }
            }
            if let limit {
                group.addTask {
                    try? await Task.sleep(for: limit)
                    return .failure(.timedOut)
                }
            }
            let first = await group.next() ?? .failure(.timedOut)
            group.cancelAll()
            return first
        }
        if case .failure(.timedOut) = result { closeIfSilent(since: start) }
        try result.get()
    }

    /// A connection on which a call runs out of its time, and nothing at all is heard meanwhile, carries no others either,
    /// however well it looks; the next call makes another.
    private func closeIfSilent(since start: NIODeadline) {
        let silent = state.withLock { state -> Connection? in
            guard let connection = state.connection, connection.hearing.isSilent(since: start) else { return nil }
            state.connection = nil
            return connection
        }
        silent?.channel.close(promise: nil)
    }

    private func call(
        _ method: String, _ request: [UInt8], began: @Sendable () -> Void,
        receive: @Sendable (ByteBuffer) async throws(GRPCError) -> Void
    ) async throws(GRPCError) {
        do {
            let connection = try await connect()
            let stream = try await connection.multiplexer.openStream { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        HTTP2FramePayloadToHTTP1ClientCodec(httpProtocol: .http))
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel)
                }
            }
            let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/\(method)", headers: headers)
            let limitBytes = limitBytes
            try await stream.executeThenClose { inbound, outbound in
                // In one piece: a server that has the message need not wait for the end of the request, and resets the
                // stream when it has answered; what is written after that fails. Its answer counts all the same
                // (RFC 9113, 8.1).
                let writing: (any Error)?
                do {
                    try await outbound.write(
                        contentsOf: [
                            .head(head), .body(.byteBuffer(GRPCFrameDecoder.frame(request))), .end(nil),
                        ])
                    writing = nil
                } catch {
                    writing = error
                }
                began()
                var reader = GRPCAnswerReader(limitBytes: limitBytes)
                for try await part in inbound {
                    for message in try reader.read(part) { try await receive(message) }
                    if reader.isOver { break }
                }
                if let writing, !reader.isOver { throw writing }
                try reader.finish()
            }
        } catch let error as GRPCError {
            throw error
        } catch {
            throw .unavailable(Self.reason(error, path: path))
        }
    }

    private var headers: HTTPHeaders {
        var headers: HTTPHeaders = [
            "host": "localhost", "content-type": "application/grpc", "te": "trailers", "user-agent": "weir",
        ]
        for (name, value) in fields { headers.add(name: name, value: value) }
        return headers
    }

    /// The connection there is, or a new one: however many calls need one, it is made once.
    private func connect() async throws -> Connection {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let (coming, promise) = state.withLock {
            state -> (EventLoopFuture<Connection>, EventLoopPromise<Connection>?) in
            if let coming = state.coming { return (coming, nil) }
            if let known = state.connection, known.channel.isActive {
                return (eventLoop.makeSucceededFuture(known), nil)
            }
            let promise = eventLoop.makePromise(of: Connection.self)
            state.coming = promise.futureResult
            return (promise.futureResult, promise)
        }
        // It belongs to all who wait for it, so that it does not end where one of them leaves.
        promise?.completeWithTask {
            let result: Result<Connection, any Error>
            do { result = .success(try await Self.open(self.path)) } catch { result = .failure(error) }
            let old = self.state.withLock { state in
                defer { state.connection = try? result.get() }
                state.coming = nil
                return state.connection
            }
            // Calls that go on over it keep it until they end.
            if let old, !old.channel.isActive { old.channel.close(promise: nil) }
            return try result.get()
        }
        return try await coming.get()
    }

    private static func open(_ path: String) async throws -> Connection {
        let hearing = GRPCHearing()
        let (channel, multiplexer) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(5))
            .connect(unixDomainSocketPath: path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let watch = GRPCConnectionWatch()
                    let multiplexer = try channel.pipeline.syncOperations.configureAsyncHTTP2Pipeline(
                        mode: .client, streamDelegate: nil, frameDelegate: watch, configuration: Self.configuration
                    ) { stream in
                        // A server opens no streams.
                        stream.close()
                    }
                    try channel.pipeline.syncOperations.addHandler(watch)
                    try channel.pipeline.syncOperations.addHandler(hearing, position: .first)
                    return (channel, multiplexer)
                }
            }
        return Connection(channel: channel, multiplexer: multiplexer, hearing: hearing)
    }

    /// The library's limits protect servers from strangers; this server is the machine's own, and runs as root. Go's
    /// gRPC measures the line with a PING for nearly each piece it sends: 200 in 30 seconds, the library's limit, are soon
    /// reached. The window is short because each PING within it is remembered.
    private static let configuration: NIOHTTP2Handler.Configuration = {
        var configuration = NIOHTTP2Handler.Configuration()
        configuration.connection.controlFrameRateLimit.maximumCount = 20_000
        configuration.connection.controlFrameRateLimit.windowLength = .seconds(1)
        configuration.stream.streamResetFrameRateLimit.maximumCount = 20_000
        configuration.stream.streamResetFrameRateLimit.windowLength = .seconds(1)
        configuration.stream.streamErrorRateLimit.maximumCount = 20_000
        configuration.stream.streamErrorRateLimit.windowLength = .seconds(1)
        // Counted for as long as the connection lasts, which is as long as containerd runs.
        configuration.connection.maximumConnectionGlitches = .max
        // What comes for a call that was given up is to be passed over, however many of them were given up at once.
        configuration.connection.maximumRecentlyResetStreams = 512
        configuration.connection.targetWindowSize = 1 << 20
        configuration.stream.targetWindowSize = 512 << 10
        return configuration
    }()

    private static func reason(_ error: any Error, path: String) -> String {
        switch error {
        case let error as IOError where error.errnoCode == 2: "there is no socket \(path)"
        case let error as IOError where error.errnoCode == 111: "nobody answers on \(path)"
        case let error as IOError where error.errnoCode == 13: "this user may not use \(path)"
        case is CancellationError: "cancelled"
        case let error as ChannelError: "the connection to \(path) broke (\(error))"
        default: "the connection to \(path) broke (\(type(of: error)))"
        }
    }
}

/// What becomes of the parts of an answer.
struct GRPCAnswerReader {
    private var decoder: GRPCFrameDecoder
    private(set) var isOver = false
    private var status: (code: Int, message: String)?

    init(limitBytes: Int) { decoder = GRPCFrameDecoder(limitBytes: limitBytes) }

    /// - Returns: the messages that are whole now.
    mutating func read(_ part: HTTPClientResponsePart) throws(GRPCError) -> [ByteBuffer] {
        switch part {
        case .head(let head):
            guard head.status == .ok else { throw .malformed("HTTP status \(head.status.code)") }
            note(head.headers)
            return []
        case .body(let bytes):
            decoder.append(bytes)
            var messages: [ByteBuffer] = []
            while let message = try decoder.next() { messages.append(message) }
            return messages
        case .end(let trailers):
            isOver = true
            if let trailers { note(trailers) }
            return []
        }
    }

    func finish() throws(GRPCError) {
        guard let status else { throw .unavailable("the call broke off") }
        guard status.code == GRPCStatus.ok else { throw .status(code: status.code, message: status.message) }
        guard !decoder.isAmidMessage else { throw .malformed("a message is cut short") }
    }

    private mutating func note(_ headers: HTTPHeaders) {
        guard let code = headers.first(name: "grpc-status").flatMap({ Int($0) }) else { return }
        status = (code, String((headers.first(name: "grpc-message") ?? "").prefix(200)))
    }
}
