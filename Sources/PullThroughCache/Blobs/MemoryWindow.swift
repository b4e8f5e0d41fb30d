internal import DequeModule
internal import NIOCore

/// The part of a fill that the disk did not take, held until every reader has it. Bounded by who appends.
struct MemoryWindow: Sendable {
    /// The offset in the blob of the first byte held.
    private(set) var start: Int64
    private(set) var byteCount = 0
    private var chunks: Deque<ByteBuffer> = []

    init(start: Int64) { self.start = start }

    var end: Int64 { start + Int64(byteCount) }

    mutating func append(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        chunks.append(bytes)
        byteCount += bytes.readableBytes
    }

    /// Drops whole chunks that end at or before `offset`.
    mutating func discard(before offset: Int64) {
        while let first = chunks.first, start + Int64(first.readableBytes) <= offset {
            start += Int64(first.readableBytes)
            byteCount -= first.readableBytes
            chunks.removeFirst()
        }
    }

    /// Bytes from `offset`, up to `limit` and to the end of one chunk; nil where they are not held.
    func slice(at offset: Int64, limit: Int64) -> ByteBuffer? {
        guard offset >= start, offset < min(end, limit) else { return nil }
        var position = start
        for chunk in chunks {
            let next = position + Int64(chunk.readableBytes)
            if offset < next {
                let skipped = Int(offset - position)
                let length = Int(min(next, limit) - offset)
                return chunk.getSlice(at: chunk.readerIndex + skipped, length: length)
            }
            position = next
        }
        return nil
    }
}
