#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Rewrites many files on every core, and tells of them in their order.
struct FileRewritingRun: Sendable {
    struct Result: Sendable {
        var hasFailed = false
        var hasChanged = false
    }

    /// Files whose results are held at once.
    private static let batch = 256
    /// Files that one task reads, so that starting tasks costs little beside.
    private static let share = 16

    let paths: ImagePaths
    let reader: ImageFileReader
    let rewriting: FileRewriting

    func perform() async -> Result {
        var result = Result(hasFailed: !paths.problems.isEmpty)
        for problem in paths.problems { writeFully("weir: \(problem)\n", to: STDERR_FILENO) }
        var start = 0
        while start < paths.files.count {
            let end = min(start + Self.batch, paths.files.count)
            let outcomes = await outcomes(start..<end)
            tell(outcomes, &result)
            start = end
        }
        return result
    }

    private func tell(_ outcomes: [FileRewriting.Outcome], _ result: inout Result) {
        for outcome in outcomes {
            writeFully(outcome.output, to: STDOUT_FILENO)
            if let problem = outcome.problem {
                writeFully("weir: \(problem)\n", to: STDERR_FILENO)
                result.hasFailed = true
            }
            if outcome.isChanged { result.hasChanged = true }
        }
    }

    private func outcomes(_ range: Range<Int>) async -> [FileRewriting.Outcome] {
        let parts = await withTaskGroup(of: (Int, [FileRewriting.Outcome]).self) { group in
            for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.share) {
                group.addTask { (start, part(start..<min(start + Self.share, range.upperBound))) }
            }
            var parts: [Int: [FileRewriting.Outcome]] = [:]
            for await part in group { parts[part.0] = part.1 }
            return parts
        }
        return parts.sorted { $0.key < $1.key }.flatMap(\.value)
    }

    private func part(_ range: Range<Int>) -> [FileRewriting.Outcome] {
        paths.files[range].map { rewriting.outcome(of: $0, reader) }
    }
}
