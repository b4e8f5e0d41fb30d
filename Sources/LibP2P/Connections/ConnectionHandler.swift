internal import Logging
internal import NIOCore

/// Carries bytes between a TCP channel and a ``ConnectionMachine``, and what it decides to those who wait.
///
/// Back-pressure: while more than ``HostConfiguration/unreadLimitBytes`` of all streams are unread, nothing is read
/// from TCP, whose window closes. While TCP takes nothing, writers wait. Answers that a peer provokes and does not
/// read end the connection.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    private struct PendingWrite {
        var bytes: ByteBuffer
        let promise: EventLoopPromise<Void>
    }

    private let configuration: HostConfiguration
    private let owner: any ConnectionOwner
    private let established: EventLoopPromise<PublicKey>
    private var machine: ConnectionMachine
    private var context: ChannelHandlerContext?
    private var handshakeTimer: Scheduled<Void>?
    private var ticker: RepeatedTask?
    private var readers: [UInt32: EventLoopPromise<ByteBuffer?>] = [:]
    private var writers: [UInt32: PendingWrite] = [:]
    /// Why streams failed whose owners are yet to hear of it.
    private var failures: [UInt32: StreamError] = [:]
    private var end: ConnectionError?
    private var isReadHeld = false
    private var isPeerGoing = false

    /// - Parameter established: succeeds when the peer has proved who it is, and fails where that does not happen.
    init(
        machine: ConnectionMachine, configuration: HostConfiguration, owner: any ConnectionOwner,
        established: EventLoopPromise<PublicKey>
    ) {
        self.machine = machine
        self.configuration = configuration
        self.owner = owner
        self.established = established
    }

    // MARK: The channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish(.closed)
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(.closed)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard end == nil else { return }
        do throws(ConnectionError) {
            let events = try machine.receive(unwrapInboundIn(data), now: context.eventLoop.now)
            for event in events { perform(event) }
        } catch {
            fail(error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        guard machine.unreadBytes <= configuration.unreadLimitBytes else {
            isReadHeld = true
            return
        }
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { resumeWriters() }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(.unreachable(reason: "\(error)"))
        context.close(promise: nil)
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard handshakeTimer == nil else { return }
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        handshakeTimer = context.eventLoop.scheduleTask(in: configuration.handshakeTimeout.amount) {
            handler.value.fail(.handshakeTimedOut)
        }
        flush()
    }

    private func tick() {
        guard let context, end == nil else { return }
        do throws(ConnectionError) {
            for event in try machine.tick(now: context.eventLoop.now) { perform(event) }
            flush()
            if isPeerGoing, machine.streamCount == 0 { close(.closed) }
        } catch {
            fail(error)
        }
    }

    // MARK: What the machine decides

    private func perform(_ event: ConnectionEvent) {
        switch event {
        case .established(let key): becomeEstablished(key)
        case .accepted(let id, let protocolID): owner.connectionAccepted(stream: id, protocolID: protocolID)
        case .negotiated(let id), .writable(let id): resumeWriter(id)
        case .readable(let id): resumeReader(id)
        case .failed(let id, let error):
            failures[id] = error
            readers.removeValue(forKey: id)?.fail(error)
            writers.removeValue(forKey: id)?.promise.fail(error)
        case .goAway:
            isPeerGoing = true
            owner.connectionIsGoing()
        case .ponged(let nanoseconds): owner.connectionPonged(after: .nanoseconds(nanoseconds))
        }
    }

    private func becomeEstablished(_ key: PublicKey) {
        guard let context else { return }
        handshakeTimer?.cancel()
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let interval = configuration.tickInterval.amount
        ticker = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            handler.value.tick()
        }
        established.succeed(key)
        // For the first measure of how far away the peer is.
        machine.ping(now: context.eventLoop.now)
    }

    private func flush() {
        guard let context, end == nil else { return }
        do throws(ConnectionError) {
            guard let bytes = try machine.takeOutbound() else { return }
            context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        } catch {
            fail(error)
            return
        }
        // Data waits until the channel is writable; what exceeds it by far are answers.
        guard !context.channel.isWritable, let options = context.channel.syncOptions,
            let buffered = try? options.getOption(.bufferedWritableBytes)
        else { return }
        if buffered > configuration.unsentLimitBytes { fail(.answersUnread) }
    }

    /// Closes after saying why, where that can be said.
    private func fail(_ error: ConnectionError) {
        guard end == nil else { return }
        if let bytes = try? machine.takeOutbound() { context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
        finish(error)
        context?.close(promise: nil)
    }

    private func finish(_ error: ConnectionError) {
        guard end == nil else { return }
        end = error
        handshakeTimer?.cancel()
        ticker?.cancel()
        established.fail(error)
        let readers = self.readers
        let writers = self.writers
        self.readers = [:]
        self.writers = [:]
        for reader in readers.values { reader.fail(StreamError.disconnected(error)) }
        for writer in writers.values { writer.promise.fail(StreamError.disconnected(error)) }
        owner.connectionEnded(error)
    }

    // MARK: What streams ask for

    /// Takes leave of the peer and closes.
    func close(_ error: ConnectionError) {
        machine.goAway()
        fail(error)
    }

    func open(_ protocols: [String]) throws(StreamError) -> UInt32 {
        guard let context, end == nil else { throw .disconnected(end ?? .closed) }
        let id = try machine.open(protocols, now: context.eventLoop.now)
        flush()
        return id
    }

    func read(_ id: UInt32, _ promise: EventLoopPromise<ByteBuffer?>) {
        guard readers[id] == nil else {
            promise.fail(StreamError.closed)
            return
        }
        readers[id] = promise
        resumeReader(id)
        flush()
    }

    private func resumeReader(_ id: UInt32) {
        guard let promise = readers[id] else { return }
        if let error = failure(id) {
            readers[id] = nil
            promise.fail(error)
            return
        }
        switch machine.read(id) {
        case .pending: return
        case .bytes(let bytes): promise.succeed(bytes)
        case .end: promise.succeed(nil)
        case .reset(let code): promise.fail(StreamError.reset(code: code))
        }
        readers[id] = nil
        guard isReadHeld, machine.unreadBytes <= configuration.unreadLimitBytes / 2 else { return }
        isReadHeld = false
        context?.read()
    }

    func write(_ bytes: ByteBuffer, on id: UInt32, _ promise: EventLoopPromise<Void>) {
        guard writers[id] == nil else {
            promise.fail(StreamError.closed)
            return
        }
        writers[id] = PendingWrite(bytes: bytes, promise: promise)
        resumeWriter(id)
        flush()
    }

    private func resumeWriters() {
        for id in writers.keys {
            guard context?.channel.isWritable == true else { return }
            resumeWriter(id)
            flush()
        }
    }

    private func resumeWriter(_ id: UInt32) {
        guard var write = writers[id], let context else { return }
        if let error = failure(id) {
            writers[id] = nil
            write.promise.fail(error)
            return
        }
        while context.channel.isWritable, write.bytes.readableBytes > 0 {
            guard let sent = machine.write(&write.bytes, on: id, limitBytes: Self.turnBytes) else {
                writers[id] = nil
                write.promise.fail(StreamError.closed)
                return
            }
            guard sent > 0 else { break }
            flush()
            // The flush may have been the end of everything.
            guard writers[id] != nil else { return }
        }
        guard write.bytes.readableBytes == 0 else {
            writers[id] = write
            return
        }
        writers[id] = nil
        write.promise.succeed(())
    }

    /// The caller that waits on the stream has gone.
    func cancelWaiting(_ id: UInt32) {
        readers.removeValue(forKey: id)?.fail(CancellationError())
        // Part of it may be sent; what would follow makes no sense to the peer.
        guard let write = writers.removeValue(forKey: id) else { return }
        machine.reset(id)
        write.promise.fail(CancellationError())
        flush()
    }

    private func failure(_ id: UInt32) -> StreamError? {
        if let end { return .disconnected(end) }
        return failures[id]
    }

    func closeWrite(_ id: UInt32) {
        machine.closeWrite(id)
        flush()
    }

    func reset(_ id: UInt32, code: UInt32) {
        machine.reset(id, code: code)
        flush()
    }

    func release(_ id: UInt32) {
        readers.removeValue(forKey: id)?.fail(StreamError.closed)
        writers.removeValue(forKey: id)?.promise.fail(StreamError.closed)
        failures[id] = nil
        guard let context else { return }
        machine.release(id, now: context.eventLoop.now)
        flush()
        guard isReadHeld, machine.unreadBytes <= configuration.unreadLimitBytes / 2 else { return }
        isReadHeld = false
        context.read()
    }

    /// What one stream writes before another has its turn.
    private static let turnBytes = 64 << 10
}

/// Who is told what happens on a connection, on its event loop.
protocol ConnectionOwner: Sendable {
    func connectionAccepted(stream id: UInt32, protocolID: String)
    func connectionPonged(after roundTrip: TimeAmount)
    /// The peer takes no more streams.
    func connectionIsGoing()
    /// Told once, after everything else.
    func connectionEnded(_ error: ConnectionError)
}

extension Duration {
    var amount: TimeAmount {
        let (seconds, attoseconds) = components
        return .seconds(seconds) + .nanoseconds(attoseconds / 1_000_000_000)
    }
}
