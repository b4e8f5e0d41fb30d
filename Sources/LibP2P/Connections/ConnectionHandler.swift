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

    struct PendingWrite {
        var bytes: ByteBuffer
        let promise: EventLoopPromise<Void>
    }

    let configuration: HostConfiguration
    private let owner: any ConnectionOwner
    private let established: EventLoopPromise<PublicKey>
    var machine: ConnectionMachine
    var context: ChannelHandlerContext?
    private var handshakeTimer: Scheduled<Void>?
    private var ticker: RepeatedTask?
    var readers: [UInt32: EventLoopPromise<ByteBuffer?>] = [:]
    var writers: [UInt32: PendingWrite] = [:]
    /// Why streams failed whose owners are yet to hear of it.
    var failures: [UInt32: StreamError] = [:]
    var end: ConnectionError?
    var isReadHeld = false
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
        finish(machine.lossOfPeer)
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(machine.lossOfPeer)
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
        // Who hangs up on bytes that it has not read resets the connection.
        let loss = machine.lossOfPeer
        finish(loss == .closed ? .unreachable(reason: Host.reason(error)) : loss)
        context.close(promise: nil)
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard handshakeTimer == nil else { return }
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        handshakeTimer = context.eventLoop.scheduleTask(in: TimeAmount(configuration.handshakeTimeout)) {
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
        let interval = TimeAmount(configuration.tickInterval)
        ticker = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            handler.value.tick()
        }
        established.succeed(key)
        // For the first measure of how far away the peer is.
        machine.ping(now: context.eventLoop.now)
    }

    func flush() {
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
    func fail(_ error: ConnectionError) {
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
}
