/// The header of an age file: for whom it was encrypted. age-encryption.org/v1, "Header".
struct AgeHeader {
    /// One recipient's way to the file's key.
    struct Stanza {
        var kind: String
        var arguments: [String]
        var body: [UInt8]
    }

    static let version = Array("age-encryption.org/v1".utf8)
    /// Recipients of one file at the most.
    private static let stanzaLimit = 256

    var stanzas: [Stanza] = []
    /// What the MAC is over: all up to `---`.
    var authenticated: ArraySlice<UInt8>
    var mac: [UInt8]
    var payload: ArraySlice<UInt8>

    /// - Parameter limitBytes: the longest header.
    init(_ file: [UInt8], limitBytes: Int) throws(AgeError) {
        guard file.starts(with: Self.version), file.count > Self.version.count,
            file[Self.version.count] == UInt8(ascii: "\n")
        else { throw .notAge }
        var reader = LineReader(file: file, position: Self.version.count + 1, limit: limitBytes)
        while true {
            let start = reader.position
            let line = try reader.next()
            if line.starts(with: "---".utf8) {
                let text = line.dropFirst(3)
                guard text.first == UInt8(ascii: " "), let mac = StrictBase64.decodeUnpadded(text.dropFirst()),
                    mac.count == 32
                else { throw .malformedHeader }
                guard !stanzas.isEmpty else { throw .malformedHeader }
                self.mac = mac
                authenticated = file[..<(start + 3)]
                payload = file[reader.position...]
                return
            }
            guard stanzas.count < Self.stanzaLimit else { throw .headerTooLarge }
            stanzas.append(try Self.stanza(line, &reader))
        }
    }

    private static func stanza(_ line: ArraySlice<UInt8>, _ reader: inout LineReader) throws(AgeError) -> Stanza {
        guard line.starts(with: "-> ".utf8) else { throw .malformedHeader }
        let words = line.dropFirst(3).split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard let kind = words.first,
            words.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (33...126).contains($0) } })
        else { throw .malformedHeader }
        var text: [UInt8] = []
        while true {
            let line = try reader.next()
            guard line.count <= 64 else { throw .malformedHeader }
            text += line
            // A full line is never the last, so that a body of full lines ends with an empty one.
            if line.count < 64 { break }
        }
        guard let body = StrictBase64.decodeUnpadded(text) else { throw .malformedHeader }
        return Stanza(
            kind: String(decoding: kind, as: UTF8.self),
            arguments: words.dropFirst().map { String(decoding: $0, as: UTF8.self) }, body: body)
    }
}

/// Lines of a header, each ended by a line feed.
private struct LineReader {
    let file: [UInt8]
    var position: Int
    let limit: Int

    mutating func next() throws(AgeError) -> ArraySlice<UInt8> {
        let end = min(file.count, limit)
        guard position < end, let feed = file[position..<end].firstIndex(of: UInt8(ascii: "\n")) else {
            throw file.count > limit ? .headerTooLarge : .malformedHeader
        }
        defer { position = feed + 1 }
        return file[position..<feed]
    }
}
