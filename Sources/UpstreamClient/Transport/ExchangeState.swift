internal import NIOCore
internal import NIOHTTP1

/// How far one request has come, as a value: events go in, and what is to be done comes out.
///
/// Head, pieces of the body, end; and at any moment a failure, after which nothing else counts. What comes while nobody
/// waits is gathered; from ``gatherLimitBytes`` on the connection reads no further until half of it is taken, which is
/// what a `Hold` stands for.
struct ExchangeState<HeadWaiter, PieceWaiter, Hold> {
    private var head: HTTPResponseHead?
    private var headWaiter: HeadWaiter?
    private var pieceWaiter: PieceWaiter?
    /// What came and was not taken, in order.
    private var pieces: [ByteBuffer] = []
    private var gatheredBytes = 0
    private var hold: Hold?
    private let gatherLimitBytes: Int
    private var isEnded = false
    private var failure: (any Error)?

    init(gatherLimitBytes: Int = 1 << 20) { self.gatherLimitBytes = gatherLimitBytes }

    /// Whether nothing more can come.
    var isOver: Bool { isEnded || failure != nil }
    /// Whether someone waits for something to come.
    var isAwaited: Bool { headWaiter != nil || pieceWaiter != nil }

    // MARK: From the connection

    /// - Returns: who waits for the head; and the hold where it is too late for it to be of use.
    mutating func receive(_ received: HTTPResponseHead, hold new: Hold) -> (waiter: HeadWaiter?, drop: Hold?) {
        guard !isOver else { return (nil, new) }
        hold = new
        guard headWaiter != nil else {
            head = received
            return (nil, nil)
        }
        defer { headWaiter = nil }
        return (headWaiter, nil)
    }

    /// - Returns: who waits for the piece; what may go on; and the hold where it is too late.
    mutating func receive(_ bytes: ByteBuffer, hold new: Hold) -> (waiter: PieceWaiter?, release: Hold?, drop: Hold?) {
        guard !isOver else { return (nil, nil, new) }
        if let waiter = pieceWaiter {
            pieceWaiter = nil
            return (waiter, new, nil)
        }
        gather(bytes)
        guard gatheredBytes >= gatherLimitBytes else { return (nil, new, nil) }
        hold = new
        return (nil, nil, nil)
    }

    private mutating func gather(_ bytes: ByteBuffer) {
        gatheredBytes += bytes.readableBytes
        guard let last = pieces.last, last.readableBytes + bytes.readableBytes <= Self.joinedBytes else {
            pieces.append(bytes)
            return
        }
        pieces.removeLast()
        var joined = last
        if joined.writableBytes < bytes.readableBytes {
            // Once for all that will be joined: growing step by step would copy each byte several times.
            joined = ByteBufferAllocator().buffer(capacity: Self.joinedBytes)
            joined.writeImmutableBuffer(last)
        }
        joined.writeImmutableBuffer(bytes)
        pieces.append(joined)
    }

    /// Below this a hand-over costs more than a copy.
    private static var joinedBytes: Int { 64 << 10 }

    mutating func receiveEnd() -> PieceWaiter? {
        guard !isOver else { return nil }
        isEnded = true
        defer { pieceWaiter = nil }
        return pieceWaiter
    }

    /// - Returns: who is to be told, and whether this was news.
    mutating func fail(_ error: any Error) -> (head: HeadWaiter?, piece: PieceWaiter?, drop: Hold?, isNews: Bool) {
        guard !isOver else { return (nil, nil, nil, false) }
        failure = error
        // What came before is still handed on: a transfer that is resumed goes on after it.
        if error is CancellationError { pieces = [] }
        defer { (headWaiter, pieceWaiter, hold) = (nil, nil, nil) }
        return (headWaiter, pieceWaiter, hold, true)
    }

    // MARK: From the reader

    enum HeadOutcome {
        case head(HTTPResponseHead)
        case failed(any Error)
        case wait
    }

    mutating func takeHead(_ waiter: HeadWaiter) -> HeadOutcome {
        if let head {
            self.head = nil
            return .head(head)
        }
        if let failure { return .failed(failure) }
        headWaiter = waiter
        return .wait
    }

    enum PieceOutcome {
        case piece(ByteBuffer, release: Hold?)
        case end
        case failed(any Error)
        case wait(release: Hold?)
    }

    mutating func takePiece(_ waiter: PieceWaiter) -> PieceOutcome {
        if !pieces.isEmpty {
            let piece = pieces.removeFirst()
            gatheredBytes -= piece.readableBytes
            // The connection goes on when half of what may be gathered is taken, so that neither waits for the other.
            guard gatheredBytes <= gatherLimitBytes / 2 else { return .piece(piece, release: nil) }
            defer { hold = nil }
            return .piece(piece, release: hold)
        }
        defer { hold = nil }
        if let failure { return .failed(failure) }
        if isEnded { return .end }
        pieceWaiter = waiter
        return .wait(release: hold)
    }
}
