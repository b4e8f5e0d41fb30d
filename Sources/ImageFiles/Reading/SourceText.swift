/// A file's bytes, with the way from lines and columns to offsets.
struct SourceText: Sendable {
    let bytes: [UInt8]
    /// Where each line begins, a byte order mark not counted.
    private let lineStarts: [Int]
    /// 3 where there is a byte order mark, else 0.
    let textStart: Int
    /// Without the byte order mark.
    let text: String

    init(_ bytes: [UInt8]) throws(ImageFileError) {
        textStart = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        guard let text = String(validating: bytes[textStart...], as: UTF8.self) else { throw .notText }
        self.text = text
        self.bytes = bytes
        var starts = [textStart]
        var position = textStart
        while position < bytes.count {
            let width = Self.breakWidth(bytes, at: position)
            position += max(width, 1)
            if width > 0 { starts.append(position) }
        }
        lineStarts = starts
    }

    /// The bytes of a line break at `position`; 0 where there is none. libyaml's breaks: CR, LF, both, NEL, LS, PS.
    static func breakWidth(_ bytes: [UInt8], at position: Int) -> Int {
        switch bytes[position] {
        case 0x0A: 1
        case 0x0D: position + 1 < bytes.count && bytes[position + 1] == 0x0A ? 2 : 1
        case 0xC2: position + 1 < bytes.count && bytes[position + 1] == 0x85 ? 2 : 0
        case 0xE2:
            position + 2 < bytes.count && bytes[position + 1] == 0x80 && bytes[position + 2] & 0xFE == 0xA8 ? 3 : 0
        default: 0
        }
    }

    /// - Parameters: count from 1; a column is a Unicode scalar, as libyaml counts.
    func offset(line: Int, column: Int) -> Int {
        guard line >= 1, line <= lineStarts.count else { return bytes.count }
        var position = lineStarts[line - 1]
        var left = column - 1
        while left > 0, position < bytes.count {
            position += 1
            // What follows a scalar's first byte begins with the bits 10.
            while position < bytes.count, bytes[position] & 0xC0 == 0x80 { position += 1 }
            left -= 1
        }
        return position
    }

    /// The line of `offset`, from 1.
    func line(of offset: Int) -> Int {
        var low = 0
        var high = lineStarts.count
        while low + 1 < high {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low + 1
    }

    func lineStart(of offset: Int) -> Int { lineStarts[line(of: offset) - 1] }

    /// Where the line of `offset` ends, before its break.
    func lineEnd(of offset: Int) -> Int {
        var position = offset
        while position < bytes.count, Self.breakWidth(bytes, at: position) == 0 { position += 1 }
        return position
    }

    func hasPrefix(_ prefix: some Sequence<UInt8>, at position: Int) -> Bool {
        position <= bytes.count && bytes[position...].starts(with: prefix)
    }
}
