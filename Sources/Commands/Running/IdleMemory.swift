internal import CAllocator

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Gives back what an idle service does not need.
enum IdleMemory {
    /// After the start: once what joins, lists and first asks is over, and for what upkeep needs now and then.
    private static let pauses = [Duration.seconds(20), .seconds(40)]
    private static let laterPause = Duration.seconds(600)

    /// Until it is cancelled.
    /// - Parameter first: has others give back to the allocator what they keep.
    static func keepReleasing(_ first: @Sendable () -> Void) async {
        var pauses = pauses[...]
        while true {
            do {
                try await Task.sleep(for: pauses.popFirst() ?? laterPause)
                first()
                // Those may take a moment, since nobody waits for them.
                try await Task.sleep(for: .milliseconds(200))
            } catch { return }
            release()
        }
    }

    /// Gives back free memory, and drops code.
    ///
    /// More than half of what an idle service has resident are pages of code that ran once, while it read its
    /// configuration and opened its store. They are unchanged copies of files, so the kernel may drop them; those that are
    /// needed again come back from its cache, at the price of a minor fault each. Without effect where the maps cannot
    /// be read.
    static func release() {
        weir_return_free_memory()
        guard let maps = try? readTextFile("/proc/self/maps", limitBytes: 4 << 20) else { return }
        for range in codeRanges(in: maps) {
            _ = madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
        }
    }

    /// The private mappings of files that are code: readable, executable, not writable. proc_pid_maps(5). Read-only data
    /// is left: the loader has written addresses into some of it, which the file does not have.
    static func codeRanges(in maps: String) -> [Range<UInt>] {
        maps.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count == 6, fields[1] == "r-xp", fields[5].drop(while: { $0 == " " }).first == "/" else {
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
