internal import NIOCore

/// What streams ask for.
extension ConnectionHandler {
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

    func resumeReader(_ id: UInt32) {
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

    func resumeWriters() {
        for id in writers.keys {
            guard context?.channel.isWritable == true else { return }
            resumeWriter(id)
            flush()
        }
    }

    func resumeWriter(_ id: UInt32) {
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
