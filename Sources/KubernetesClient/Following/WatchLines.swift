internal import NIOCore

/// Makes lines of a stream that arrives in pieces, split anywhere.
struct WatchLines {
    private let limitBytes: Int
    private var buffer = ByteBuffer()
    /// How much of what is buffered is known to hold no line end.
    private var scanned = 0

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    mutating func append(_ piece: ByteBuffer) {
        buffer.discardReadBytes()
        buffer.writeImmutableBuffer(piece)
    }

    /// The next whole line, without its end; nil where there is none yet. Empty lines are passed over.
    /// - Throws: ``KubernetesError/tooLarge(limitBytes:)``, after which the stream is of no use.
    mutating func next() throws(KubernetesError) -> [UInt8]? {
        while true {
            let view = buffer.readableBytesView
            guard let end = view[view.startIndex.advanced(by: scanned)...].firstIndex(of: UInt8(ascii: "\n")) else {
                scanned = view.count
                guard scanned <= limitBytes else { throw .tooLarge(limitBytes: limitBytes) }
                return nil
            }
            let count = end - view.startIndex
            guard count <= limitBytes else { throw .tooLarge(limitBytes: limitBytes) }
            let line = Array(view[..<end])
            buffer.moveReaderIndex(forwardBy: count + 1)
            scanned = 0
            if !line.isEmpty { return line }
        }
    }
}
