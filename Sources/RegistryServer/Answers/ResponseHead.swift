internal import NIOCore
internal import NIOHTTP1

/// An answer's head as HTTP/1.1 writes it. RFC 9112, 4 and 5.
struct ResponseHead {
    let status: HTTPResponseStatus
    let fields: AnswerFields
    let date: String
    let closesConnection: Bool
    let isChunked: Bool

    /// The head; and after it in the same buffer `body`, where that is small: one piece takes the kernel less than two,
    /// and copying a few pages takes next to nothing.
    /// - Returns: `rest` is to be sent after it as it is.
    func bytes(followedBy body: ByteBuffer?) -> (bytes: ByteBuffer, rest: ByteBuffer?) {
        let statusLine = Self.line(of: status)
        let copied = body.flatMap { $0.readableBytes <= Self.copyLimitBytes ? $0 : nil }
        let end = Self.end(closesConnection: closesConnection, isChunked: isChunked)
        let count =
            statusLine.utf8.count + fields.byteCount + Self.dateName.utf8.count + date.utf8.count + end.utf8.count
            + (copied?.readableBytes ?? 0)
        var bytes = ByteBufferAllocator().buffer(capacity: count)
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
            var writer = Writer(target: target)
            writer.write(statusLine)
            for field in fields.list {
                writer.write(field.name)
                writer.write(": ")
                writer.write(field.value)
                writer.write("\r\n")
            }
            writer.write(Self.dateName)
            writer.write(date)
            writer.write(end)
            copied?.withUnsafeReadableBytes { writer.write($0) }
            return writer.position
        }
        return (bytes, copied == nil ? body : nil)
    }

    private static let dateName = "Date: "

    /// From the end of the last field's value to that of the head.
    private static func end(closesConnection: Bool, isChunked: Bool) -> String {
        switch (closesConnection, isChunked) {
        case (false, false): "\r\n\r\n"
        case (true, false): "\r\nConnection: close\r\n\r\n"
        case (false, true): "\r\nTransfer-Encoding: chunked\r\n\r\n"
        case (true, true): "\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        }
    }

    private static let copyLimitBytes = 8 << 10

    private static func line(of status: HTTPResponseStatus) -> String {
        if status == .ok { return "HTTP/1.1 200 OK\r\n" }
        return "HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n"
    }

    private struct Writer {
        let target: UnsafeMutableRawBufferPointer
        var position = 0

        @inline(__always) mutating func write(_ text: String) {
            var text = text
            text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
        }

        @inline(__always) mutating func write(_ bytes: UnsafeRawBufferPointer) {
            UnsafeMutableRawBufferPointer(rebasing: target[position...]).copyMemory(from: bytes)
            position += bytes.count
        }
    }
}
