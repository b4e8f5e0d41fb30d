import FoundationEssentials

/// A tar archive in the ustar format (POSIX.1-1988), as image layers are.
struct TarArchive {
    private(set) var bytes = Data()

    mutating func addFolder(_ name: String) { add(name, kind: "5", mode: "0000755", content: Data()) }

    mutating func addLink(_ name: String, to target: String) {
        add(name, kind: "2", mode: "0000777", content: Data(), target: target)
    }

    mutating func addFile(_ name: String, _ content: Data, isExecutable: Bool = false) {
        add(name, kind: "0", mode: isExecutable ? "0000755" : "0000644", content: content)
    }

    /// Two empty records end an archive.
    mutating func finish() { bytes.append(Data(count: 1024)) }

    /// `name` and `target` have to be shorter than 100 bytes.
    private mutating func add(_ name: String, kind: String, mode: String, content: Data, target: String = "") {
        var header = Data(count: 512)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        put(name, at: 0)
        put(mode, at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        let size = String(content.count, radix: 8)
        put(String(repeating: "0", count: 11 - size.count) + size, at: 124)
        put("00000000000", at: 136)
        // The checksum counts its own field as blanks.
        put("        ", at: 148)
        put(kind, at: 156)
        put(target, at: 157)
        put("ustar\u{0}00", at: 257)
        let checksum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        put(String(repeating: "0", count: 6 - checksum.count) + checksum + "\u{0} ", at: 148)
        bytes.append(header)
        bytes.append(content)
        bytes.append(Data(count: (512 - content.count % 512) % 512))
    }
}
