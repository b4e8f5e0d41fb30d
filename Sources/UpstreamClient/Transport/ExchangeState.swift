internal import NIOCore
internal import NIOHTTP1

/// How far one request has come, as a value: events go in, and what is to be done comes out.
///
/// Head, pieces of the body, end; and at any moment a failure, after which nothing else counts. What comes while nobody
/// waits is gathered into one piece, since each hand-over costs more than a copy; beyond ``gatherLimitBytes`` the
/// connection reads no further until it is taken, which is what a `Hold` stands for.
struct ExchangeState<HeadWaiter, PieceWaiter, Hold> {
    private var head: HTTPResponseHead?
    private var headWaiter: HeadWaiter?
    private var pieceWaiter: PieceWaiter?
    private var piece: ByteBuffer?
    private var hold: Hold?
    private let gatherLimitBytes: Int
    private var isEnded = false
    private var failure: (any Error)?

    init(gatherLimitBytes: Int = 512 << 10) { self.gatherLimitBytes = gatherLimitBytes }

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
        guard let piece, piece.readableBytes >= gatherLimitBytes else { return (nil, new, nil) }
        hold = new
        return (nil, nil, nil)
    }

    private mutating func gather(_ bytes: ByteBuffer) {
        guard var gathered = piece else {
            piece = bytes
            return
        }
        piece = nil
        if gathered.writableBytes < bytes.readableBytes {
            // Once for all that will be gathered: growing step by step would copy each byte several times.
            var larger = ByteBufferAllocator().buffer(capacity: gatherLimitBytes + 2 * bytes.readableBytes)
            larger.writeImmutableBuffer(gathered)
            gathered = larger
        }
        gathered.writeImmutableBuffer(bytes)
        piece = gathered
    }

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
        if error is CancellationError { piece = nil }
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
        defer { hold = nil }
        if let piece {
            self.piece = nil
            return .piece(piece, release: hold)
        }
        if let failure { return .failed(failure) }
        if isEnded { return .end }
        pieceWaiter = waiter
        return .wait(release: hold)
    }
}
