internal import Logging
internal import NodeConfiguration

/// How a node's files stand after a round of ``NodeFilesKeeper``.
struct NodeFilesState: Hashable, Sendable {
    /// Why images are not pulled as they are to be; nil where all is well.
    var problem: String?
    /// What to do about it, and what else there is to say of containerd's configuration.
    var findings: [ContainerdCheck.Finding] = []
    /// What this round did.
    var done: [String] = []

    /// Before the first round.
    static let unknown = NodeFilesState(problem: "nothing was tried yet")

    init(problem: String?, findings: [ContainerdCheck.Finding] = [], done: [String] = []) {
        self.problem = problem
        self.findings = findings
        self.done = done
    }

    /// - Parameter done: nil where the files could not be written.
    init(done: [String], findings: [ContainerdCheck.Finding]) {
        let fatal = findings.first { $0.isFatal && $0.concern == .hostsFiles }
        self.init(problem: fatal.map { "\($0.problem); \($0.advice)" }, findings: findings, done: done)
    }

    /// What is worth a line in the log, where `old` was the state before. A problem that stays is told once.
    func lines(after old: NodeFilesState) -> [(level: Logger.Level, message: Logger.Message, detail: String)] {
        var lines: [(level: Logger.Level, message: Logger.Message, detail: String)] = []
        for text in done { lines.append((.notice, "The node's files were changed", text)) }
        if let problem, problem != old.problem {
            lines.append((.warning, "The node's files have no effect", problem))
        } else if problem == nil, old.problem != nil {
            lines.append((.notice, "The node's files are as they are to be", "ready"))
        }
        for finding in findings where !old.findings.contains(finding) && problem?.hasPrefix(finding.problem) != true {
            lines.append(
                (.notice, "containerd's configuration could be better", "\(finding.problem); \(finding.advice)"))
        }
        return lines
    }
}
