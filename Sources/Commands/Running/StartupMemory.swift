internal import CAllocator

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Gives back what only the start needed.
enum StartupMemory {
    /// Gives back free memory, and drops the program's own code.
    ///
    /// More than half of what an idle service has resident are pages of code that ran once, while it read its
    /// configuration and opened its store. They are unchanged copies of the file, so the kernel may drop them; those
    /// that are needed again come back from its cache, at the price of a minor fault each. Without effect where the
    /// maps cannot be read.
    static func release() {
        weir_return_free_memory()
        guard let maps = try? readTextFile("/proc/self/maps", limitBytes: 4 << 20) else { return }
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &path, path.count - 1)
        guard length > 0 else { return }
        let program = String(decoding: path[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for range in codeRanges(of: program, in: maps) {
            _ = madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
        }
    }

    /// The mappings of `program` that are code: readable, executable, not writable. proc_pid_maps(5).
    static func codeRanges(of program: String, in maps: String) -> [Range<UInt>] {
        maps.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count == 6, fields[1] == "r-xp", fields[5].drop(while: { $0 == " " }) == program else {
                return nil
            }
            let bounds = fields[0].split(separator: "-")
            guard bounds.count == 2, let lower = UInt(bounds[0], radix: 16), let upper = UInt(bounds[1], radix: 16),
                lower < upper
            else { return nil }
            return lower..<upper
        }
    }
}
