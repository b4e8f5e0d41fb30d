internal import BlobStore
internal import CoreMetrics
internal import Logging
internal import NIOCore
internal import OCI
internal import Rules
internal import Upstream

/// Brings one blob's bytes from its upstream into a ``FillSink``: over one connection, or over several where one is
/// the bottleneck (docs/decisions/0012-segments.md).
///
/// A transfer that breaks is resumed where it broke; one of several that is given up leaves its rest to the others.
struct FillTransfer {
    let fill: Fill
    let source: Fills.Source
    let configuration: Configuration
    let metrics: CacheMetrics
    let logger: Logger
    /// Since when time is measured.
    let begunAt = ContinuousClock.now

    struct Outcome: Sendable, Hashable {
        /// Whether some of the bytes came in ranges over several connections.
        let usedSegments: Bool
    }

    /// Everything has come when it returns; the digest is not looked at.
    func run(into sink: FillSink) async throws -> Outcome {
        do {
            try await transfer(into: sink, maySplit: configuration.segmentation.connectionLimit > 1)
            return Outcome(usedSegments: sink.isShared)
        } catch  where sink.isShared && (error is FillSink.NotInOrder || error is UpstreamError) {
            // The disk refused what came out of order, or the upstream does not do segments right: once more, in one
            // piece, from where the bytes are without a gap.
            sink.isShared = false
            try await transfer(into: sink, maySplit: false)
            return Outcome(usedSegments: true)
        }
    }

    private func transfer(into sink: FillSink, maySplit: Bool) async throws {
        let end = source.expectedSize ?? .max
        // What is empty has to be asked for all the same: only an answer proves that the repository holds it.
        let board = SegmentBoard(
            fill.written..<max(end, fill.written + 1), minimumBytes: configuration.segmentation.minimumBytes)
        guard let first = board.take() else { return }
        try await withThrowingTaskGroup(of: Void.self) { group in
            try await work(first, on: board, sink: sink, maySplit: maySplit) { count in
                var added = 0
                while added < count, source.upstream.fills.tryEnter() {
                    added += 1
                    sink.isShared = true
                    group.addTask {
                        defer { source.upstream.fills.leave() }
                        try await help(on: board, sink: sink)
                    }
                }
                return added
            }
            try await group.waitForAll()
        }
        if board.hasGained { source.upstream.noteUsefulSegments() }
        if !board.isComplete { throw board.lastError ?? UpstreamError.truncated }
    }

    /// The first transfer, which alone decides whether others join it.
    private func work(
        _ first: SegmentPlan.Segment, on board: SegmentBoard, sink: FillSink, maySplit: Bool,
        addingHelpers: (Int) -> Int
    ) async throws {
        var segment: SegmentPlan.Segment? = first
        while let current = segment {
            do {
                try await bring(current, on: board, sink: sink, isFirst: current == first) { totalSize in
                    guard maySplit, let totalSize, source.upstream.maySegment else { return }
                    board.allowSplitting(
                        SegmentationPolicy(
                            configuration.segmentation, now: begunAt.duration(to: .now),
                            isKnownToHelp: source.upstream.segmentingHelps), size: totalSize)
                } afterChunk: {
                    guard sink.isStoring else { return }
                    switch board.decide(now: begunAt.duration(to: .now)) {
                    case .wait: break
                    case .add(let count):
                        let added = addingHelpers(count)
                        board.added(added)
                        metrics.segments.increment(by: Int64(added))
                    case .stop: stopSplitting(board)
                    }
                }
                board.finish(current)
            } catch let error as UpstreamError {
                board.abandon(current, because: error)
                return
            }
            segment = board.take()
        }
    }

    /// A further transfer: takes what there is to take until nothing is left.
    private func help(on board: SegmentBoard, sink: FillSink) async throws {
        while let segment = board.take() {
            do {
                try await bring(segment, on: board, sink: sink, isFirst: false) { _ in
                } afterChunk: {
                }
                board.finish(segment)
            } catch let error as UpstreamError {
                board.abandon(segment, because: error)
                stopSplitting(board)
                return
            }
        }
    }

    private func stopSplitting(_ board: SegmentBoard) {
        board.stopSplitting()
        source.upstream.notePointlessSegments(pause: configuration.segmentation.pause)
    }

    /// Brings one segment to its end, going on where a broken transfer left off.
    private func bring(
        _ segment: SegmentPlan.Segment, on board: SegmentBoard, sink: FillSink, isFirst: Bool,
        onAnswer: (Int64?) -> Void, afterChunk: () -> Void
    ) async throws {
        var position = segment.remainder.lowerBound
        var failures = 0
        var attempts = 0
        while true {
            let before = position
            attempts += 1
            do {
                try await attempt(
                    segment, from: &position, on: board, sink: sink, isFirst: isFirst, onAnswer: onAnswer,
                    afterChunk: afterChunk)
                return
            } catch let error as UpstreamError {
                source.upstream.record(error)
                failures = position > before ? 1 : failures + 1
                guard attempts < configuration.retries.attemptsInAll,
                    let pause = configuration.retries.pause(
                        after: failures, error: error, jitter: Double.random(in: 0...1))
                else { throw error }
                metrics.fillsResumed.increment()
                logger.info(
                    "a fill goes on after its transfer broke",
                    metadata: [
                        "digest": "\(fill.digest)", "repository": "\(source.repository)", "offset": "\(position)",
                        "reason": "\(error)",
                    ])
                try await Task.sleep(for: pause)
            }
        }
    }

    private func attempt(
        _ segment: SegmentPlan.Segment, from position: inout Int64, on board: SegmentBoard, sink: FillSink,
        isFirst: Bool, onAnswer: (Int64?) -> Void, afterChunk: () -> Void
    ) async throws {
        // The first transfer asks for everything, since it need not know that others will take parts off its end.
        let asked = isFirst ? nil : board.end(of: segment)
        if let asked, position >= asked { return }
        let transfer = try await source.upstream.registry.blob(
            fill.digest, in: source.repository.name, from: position, to: asked)
        let size = try checkedSize(of: transfer, from: position, isFirst: isFirst)
        if isFirst {
            fill.begin(size: size)
            onAnswer(size)
        }
        // An upstream without ranges begins anew; what is there already is passed over.
        var surplus = position - transfer.offset
        for try await var chunk in transfer.body {
            if surplus > 0 {
                let skipped = Int(min(surplus, Int64(chunk.readableBytes)))
                chunk.moveReaderIndex(forwardBy: skipped)
                surplus -= Int64(skipped)
            }
            guard chunk.readableBytes > 0 else { continue }
            metrics.bytesFetched.increment(by: Int64(chunk.readableBytes))
            if size == nil, position + Int64(chunk.readableBytes) > configuration.unsizedBlobLimitBytes {
                throw UpstreamError.tooLarge(limitBytes: Int(configuration.unsizedBlobLimitBytes))
            }
            // Another transfer may have taken the second half since.
            let end = board.end(of: segment)
            let isLast = end != .max && position + Int64(chunk.readableBytes) >= end && (size.map { end < $0 } ?? false)
            if isLast { chunk = chunk.getSlice(at: chunk.readerIndex, length: Int(max(0, end - position))) ?? chunk }
            try await sink.write(chunk, at: position)
            position += Int64(chunk.readableBytes)
            board.advance(segment, to: position, received: chunk.readableBytes)
            if isLast { return }
            afterChunk()
        }
        if let size, position < min(size, board.end(of: segment)) { throw UpstreamError.truncated }
    }

    /// The blob's size, where anybody said it; checked against what was known before.
    private func checkedSize(of transfer: BlobTransfer, from position: Int64, isFirst: Bool) throws -> Int64? {
        let known = source.expectedSize ?? fill.announcedSize
        if let announced = transfer.totalSize, let known, announced != known {
            // A further transfer that contradicts the first one is given up; the first one is believed.
            guard isFirst else { throw UpstreamError.malformedAnswer(reason: "its ranges are of different blobs") }
            throw CacheError.sizeMismatch(expected: known, actual: announced)
        }
        guard isFirst || transfer.offset == position else {
            throw UpstreamError.unexpectedStatus(200)
        }
        guard transfer.offset <= position else {
            throw UpstreamError.malformedAnswer(reason: "the range begins after the byte that was asked for")
        }
        return known ?? transfer.totalSize
    }
}
