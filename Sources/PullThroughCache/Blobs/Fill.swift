internal import BlobStore
internal import Concurrency
internal import NIOCore
internal import OCI
internal import Rules
internal import Synchronization

/// One blob on its way from an upstream into the store, and everyone who reads it meanwhile.
///
/// Readers take bytes from the growing file, each at its own pace, and never slow the transfer down. Only where the
/// disk takes nothing do the bytes go through a ``MemoryWindow``; then the transfer goes at the slowest reader's pace.
final class Fill: Sendable {
    fileprivate struct State {
        var progress = FillProgress()
        /// Reads what the disk has taken.
        var stored: (any BlobReader)?
        /// Bytes that ``stored`` has.
        var storedEnd: Int64 = 0
        /// Holds what follows ``storedEnd`` once the disk refused it.
        var window: MemoryWindow?
        /// The offset up to which each reader has everything.
        var readers: [UInt64: Int64] = [:]
        var nextReader: UInt64 = 0
        /// Those who wait for bytes, or for the end.
        var waiters: [Waiter<Void>] = []
        /// Whether nothing more happens to the blob, be it kept or not.
        var isSettled = false
        /// The transfer, while it waits for readers to make room in the window.
        var writer: Waiter<Void>?
    }

    let digest: Digest
    /// Whose upstream is asked; an answer proves that this repository holds the blob.
    let repository: RepositoryKey
    private let windowLimit: Int
    private let state = Mutex(State())

    init(digest: Digest, repository: RepositoryKey, windowBytes: Int) {
        self.digest = digest
        self.repository = repository
        windowLimit = windowBytes
    }

    // MARK: For readers

    /// Joins as a reader from the first byte on; nil where the first bytes are gone already, or the fill has failed.
    func makeReader() -> FillReader? {
        state.withLock { state in
            if case .failed = state.progress.phase { return nil }
            if let window = state.window, window.start > state.storedEnd { return nil }
            let id = state.nextReader
            state.nextReader += 1
            state.readers[id] = 0
            return FillReader(fill: self, id: id)
        }
    }

    /// Waits until the upstream has answered; returns the blob's size where anybody knows it.
    func size() async throws -> Int64? {
        while true {
            let (size, waiter) = try state.withLock { state -> (Int64?, Waiter<Void>?) in
                switch state.progress.phase {
                case .asking: return (nil, state.makeWaiter())
                case .flowing, .verified: return (state.progress.size, nil)
                case .failed(let error): throw error
                }
            }
            guard let waiter else { return size }
            try await wait(for: waiter)
        }
    }

    /// Waits until everything has come, or will not come.
    func waitForEnd() async {
        while true {
            let waiter = state.withLock { state -> Waiter<Void>? in
                switch state.progress.phase {
                case .asking, .flowing: state.makeWaiter()
                case .verified, .failed: nil
                }
            }
            guard let waiter, (try? await wait(for: waiter)) != nil else { return }
        }
    }

    /// Waits until everything has come and been kept, as far as it will be.
    func waitUntilSettled() async throws {
        while true {
            guard let waiter = state.withLock({ $0.isSettled ? nil : $0.makeWaiter() }) else { return }
            try await wait(for: waiter)
        }
    }

    func piece(for reader: UInt64, at offset: Int64, limit: Int64) async throws -> BlobPiece? {
        while true {
            let (step, writer) = try state.withLock { try $0.step(of: reader, at: offset, limit: limit) }
            writer?.resume(.success(()))
            switch step {
            case .give(let piece): return piece
            case .wait(let waiter): try await wait(for: waiter)
            }
        }
    }

    func leave(_ reader: UInt64) {
        let writer = state.withLock { state -> Waiter<Void>? in
            state.readers[reader] = nil
            return state.makeRoom()
        }
        writer?.resume(.success(()))
    }

    private func wait(for waiter: Waiter<Void>) async throws {
        do {
            try await waiter.value()
        } catch {
            state.withLock { state in state.waiters.removeAll { $0 === waiter } }
            throw error
        }
    }

    // MARK: For the transfer

    var written: Int64 { state.withLock { $0.progress.written } }

    /// The blob's size, once anybody has said it.
    var announcedSize: Int64? { state.withLock { $0.progress.size } }

    /// The upstream has answered.
    func begin(size: Int64?) { update { $0.progress.begin(size: size) } }

    /// The first `contiguous` bytes can be read through `reader`.
    func advance(to contiguous: Int64, in reader: any BlobReader) {
        update { state in
            state.stored = reader
            state.progress.advance(to: contiguous)
            state.storedEnd = state.progress.written
        }
    }

    /// Takes `bytes` that the disk did not; waits until the window has room.
    /// - Throws: ``CacheError/cancelled`` where no reader is left, since nothing would come of going on.
    func append(toWindow bytes: ByteBuffer) async throws {
        while true {
            let waiter = try state.withLock { state -> Waiter<Void>? in
                guard !state.readers.isEmpty else { throw CacheError.cancelled }
                var window = state.window ?? MemoryWindow(start: state.storedEnd)
                guard window.byteCount > 0, window.byteCount + bytes.readableBytes > windowLimit else {
                    window.append(bytes)
                    state.window = window
                    state.progress.advance(to: state.progress.written + Int64(bytes.readableBytes))
                    return nil
                }
                let waiter = Waiter<Void>()
                state.writer = waiter
                return waiter
            }
            guard let waiter else { break }
            try await waiter.value()
        }
        update { _ in }
    }

    /// Everything arrived and was verified.
    func succeed() { update { $0.progress.finish() } }

    func fail(_ error: CacheError) { update { $0.progress.fail(error) } }

    /// Nothing more happens to it.
    func settle() { update { $0.isSettled = true } }

    private func update(_ change: (inout State) -> Void) {
        let waiters = state.withLock { state in
            change(&state)
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(.success(())) }
    }
}

extension Fill.State {
    fileprivate enum Step {
        case give(BlobPiece?)
        case wait(Waiter<Void>)
    }

    fileprivate mutating func makeWaiter() -> Waiter<Void> {
        let waiter = Waiter<Void>()
        waiters.append(waiter)
        return waiter
    }

    /// What `reader`, who has everything before `offset`, gets next; and the writer, if that made room for it.
    fileprivate mutating func step(
        of reader: UInt64, at offset: Int64, limit: Int64
    ) throws -> (Step, writer: Waiter<Void>?) {
        readers[reader] = offset
        let writer = makeRoom()
        guard offset < limit else { return (.give(nil), writer) }
        let end = min(progress.front, limit)
        if offset < end {
            if offset < storedEnd, let stored { return (.give(.stored(stored, offset..<min(end, storedEnd))), writer) }
            if let bytes = window?.slice(at: offset, limit: end) { return (.give(.bytes(bytes)), writer) }
        }
        switch progress.phase {
        case .verified: return (.give(nil), writer)
        case .failed(let error): throw error
        case .asking, .flowing: return (.wait(makeWaiter()), writer)
        }
    }

    /// Drops what every reader has; returns the writer where it can go on, or has nobody left to go on for.
    fileprivate mutating func makeRoom() -> Waiter<Void>? {
        guard window != nil else { return nil }
        if let slowest = readers.values.min() { window?.discard(before: slowest) }
        defer { writer = nil }
        return writer
    }
}

/// One client's way through a fill.
final class FillReader: BlobContent {
    private let fill: Fill
    private let id: UInt64

    fileprivate init(fill: Fill, id: UInt64) {
        self.fill = fill
        self.id = id
    }

    deinit { fill.leave(id) }

    /// The repository whose upstream is asked.
    var repository: RepositoryKey { fill.repository }

    /// Waits until the upstream has answered; returns the blob's size where anybody knows it.
    func size() async throws -> Int64? { try await fill.size() }

    /// Waits until the blob is kept, or will not be.
    func waitUntilSettled() async throws { try await fill.waitUntilSettled() }

    func piece(at offset: Int64, limit: Int64) async throws -> BlobPiece? {
        try await fill.piece(for: id, at: offset, limit: limit)
    }
}

/// A blob that is all there.
struct CompleteBlob: BlobContent {
    let reader: any BlobReader
    let size: Int64

    func piece(at offset: Int64, limit: Int64) async throws -> BlobPiece? {
        let end = min(limit, size)
        return offset < end ? .stored(reader, offset..<end) : nil
    }
}
