internal import BlobStore
internal import NIOCore
internal import PullThroughCache

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Sends one body, piece by piece, at the pace at which the client takes it.
///
/// Runs on the connection's event loop, so that a piece costs no change of threads.
actor BodyTransfer {
    private let handler: NIOLoopBound<ConnectionHandler>
    private nonisolated let eventLoop: any EventLoop
    private let exchange: UInt64
    private let usesSendfile: Bool

    nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

    /// The kernel takes as much of it as fits into the socket's buffer, so that larger slices would gain nothing;
    /// after each the event loop turns to other connections.
    static let sendfileSliceBytes: Int64 = 2 << 20
    /// Two of these are in memory at most: one being sent, one read ahead.
    static let readBytes: Int64 = 128 << 10

    init(handler: NIOLoopBound<ConnectionHandler>, eventLoop: any EventLoop, exchange: UInt64, usesSendfile: Bool) {
        self.handler = handler
        self.eventLoop = eventLoop
        self.exchange = exchange
        self.usesSendfile = usesSendfile
    }

    /// To be called on the event loop. The task belongs to the exchange, which cancels it when the client leaves; it
    /// is not structured, since an event loop cannot wait for it.
    nonisolated func start(_ content: any BlobContent, range: Range<Int64>) -> Task<Void, Never> {
        assumeIsolated { transfer in
            Task(executorPreference: EventLoopTaskExecutor(eventLoop)) { await transfer.run(content, range: range) }
        }
    }

    private func run(_ content: any BlobContent, range: Range<Int64>) async {
        do {
            // The head waits for the first bytes: until they are there nobody gains by it, and if they never come
            // the client can be told why in words, with a status that it can act upon.
            var piece = try await content.piece(at: range.lowerBound, limit: range.upperBound)
            guard piece != nil || range.upperBound == .max else { throw BodyTransferError.contentEnded }
            guard handler.value.beginBody(exchange: exchange) else { return }
            var offset = range.lowerBound
            while let current = piece {
                offset = try await send(current, at: offset, limit: range.upperBound)
                guard offset < range.upperBound else { break }
                try Task.checkCancellation()
                piece = try await content.piece(at: offset, limit: range.upperBound)
                guard piece != nil || range.upperBound == .max else { throw BodyTransferError.contentEnded }
            }
            handler.value.endBody(exchange: exchange)
        } catch {
            handler.value.failBody(error, exchange: exchange)
        }
    }

    /// Returns where the next piece begins.
    private func send(_ piece: BlobPiece, at offset: Int64, limit: Int64) async throws -> Int64 {
        switch piece {
        case .bytes(let bytes):
            let end = offset + Int64(bytes.readableBytes)
            guard end > offset, end <= limit else { throw BodyTransferError.contentMisplaced }
            try await sent(write(.byteBuffer(bytes)))
            return end
        case .stored(let reader, let range):
            guard range.lowerBound == offset, !range.isEmpty, range.upperBound <= limit else {
                throw BodyTransferError.contentMisplaced
            }
            if usesSendfile, let descriptor = reader.fileDescriptor {
                try await sendFile(descriptor, of: reader, range: range)
            } else {
                try await sendRead(reader, range: range)
            }
            return range.upperBound
        }
    }

    private func sendFile(_ descriptor: CInt, of reader: any BlobReader, range: Range<Int64>) async throws {
        let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
        // The descriptor stays the reader's, who is kept until the last slice was sent.
        defer { withExtendedLifetime(reader) { _ = try? handle.takeDescriptorOwnership() } }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let end = min(range.upperBound, offset + Self.sendfileSliceBytes)
            // From a file that was cut short sendfile would send nothing, for ever.
            var status = stat()
            guard fstat(descriptor, &status) == 0, Int64(status.st_size) >= end else {
                throw BodyTransferError.fileTruncated
            }
            let region = FileRegion(fileHandle: handle, readerIndex: Int(offset), endIndex: Int(end))
            try await sent(write(.fileRegion(region)))
            offset = end
        }
    }

    private func sendRead(_ reader: any BlobReader, range: Range<Int64>) async throws {
        var offset = range.lowerBound
        var pending: EventLoopFuture<Void>?
        // Used in turn, so that what is at hand is read without making room for it each time.
        var (bytes, other) = (ByteBuffer(), ByteBuffer())
        while offset < range.upperBound {
            let length = min(range.upperBound - offset, Self.readBytes)
            swap(&bytes, &other)
            if !reader.readAtHand(into: &bytes, at: offset, length: Int(length)) {
                do {
                    bytes = try await reader.read(at: offset, length: Int(length))
                } catch {
                    if let pending { try? await sent(pending) }
                    throw error
                }
            }
            if let pending { try await sent(pending) }
            guard bytes.readableBytes > 0, bytes.readableBytes <= Int(length) else {
                throw BodyTransferError.fileTruncated
            }
            pending = try write(.byteBuffer(bytes))
            offset += Int64(bytes.readableBytes)
        }
        if let pending { try await sent(pending) }
    }

    private func write(_ data: IOData) throws -> EventLoopFuture<Void> {
        guard let future = handler.value.writeBody(data, exchange: exchange) else { throw CancellationError() }
        return future
    }

    /// Stays on the event loop while it waits, which `EventLoopFuture.get` would not.
    private func sent(_ future: EventLoopFuture<Void>) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            future.whenComplete { continuation.resume(with: $0) }
        }
    }
}

/// Why a body cannot be sent to its end, the cache's own errors aside.
enum BodyTransferError: Error, Hashable {
    /// There is less content than was announced.
    case contentEnded
    /// The content gave bytes other than those it was asked for.
    case contentMisplaced
    /// The blob's file has become shorter since it was opened.
    case fileTruncated
}
