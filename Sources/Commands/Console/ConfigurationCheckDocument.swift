/// What `weir config check --json` prints.
struct ConfigurationCheckDocument: Encodable {
    struct Problem: Encodable {
        /// `error` or `warning`.
        let severity: String
        /// The file, or the name of the flag or environment variable.
        let source: String
        /// From 1; absent outside of files.
        let line: Int?
        let column: Int?
        let message: String
    }

    let isGood: Bool
    /// Absent where there is none, or where it has errors.
    let file: String?
    let problems: [Problem]

    init(file: String?, problems: [ConfigurationProblem]) {
        self.file = file
        isGood = !problems.contains { $0.severity == .error }
        self.problems = problems.map {
            Problem(
                severity: $0.severity.rawValue, source: $0.place.source, line: $0.place.line, column: $0.place.column,
                message: $0.message)
        }
    }
}
