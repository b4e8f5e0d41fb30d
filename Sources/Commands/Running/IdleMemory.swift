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
    private static let step = Duration.seconds(10)
    /// Whoever takes less of a core over a ``step`` does nothing but upkeep.
    private static let idleShare = 0.01

    /// Until it is cancelled: all of it now and then; code, which upkeep maps again each minute, after each ``step`` in
    /// which nothing else was done.
    /// - Parameter first: has others give back to the allocator what they keep.
    static func keepReleasing(_ first: @Sendable () -> Void) async {
        var pauses = pauses[...]
        while true {
            do {
                try await wait(pauses.popFirst() ?? laterPause)
                first()
                // Those may take a moment, since nobody waits for them.
                try await Task.sleep(for: .milliseconds(200))
            } catch { return }
            release()
        }
    }

    private static func wait(_ time: Duration) async throws {
        var left = time
        while left > .zero {
            let (before, part) = (processorTime(), min(step, left))
            try await Task.sleep(for: part)
            left -= part
            if left > .zero, isIdle(processorTime() - before, over: part) { dropCode() }
        }
    }

    static func isIdle(_ used: Duration, over time: Duration) -> Bool { used < time * idleShare }

    /// Of the whole process, in user and system mode. getrusage(2).
    private static func processorTime() -> Duration {
        var usage = rusage()
        #if canImport(Glibc)
            let code = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        #else
            let code = getrusage(RUSAGE_SELF, &usage)
        #endif
        guard code == 0 else { return .zero }
        return [usage.ru_utime, usage.ru_stime].reduce(.zero) {
            $0 + .seconds($1.tv_sec) + .microseconds($1.tv_usec)
        }
    }

    /// Gives back free memory, and drops code.
    static func release() {
        weir_return_free_memory()
        dropCode()
    }

    /// More than half of what an idle service has resident are pages of code that ran once, while it read its
    /// configuration and opened its store. They are unchanged copies of files, so the kernel may drop them; those that are
    /// needed again come back from its cache, at the price of a minor fault each. Without effect where the maps cannot
    /// be read.
    private static func dropCode() {
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
