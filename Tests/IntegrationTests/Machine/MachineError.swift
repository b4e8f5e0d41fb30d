/// Why a test could not do what it set out to do. Never what the test is about.
enum MachineError: Error, Hashable {
    /// `code` is the operating system's.
    case cannotStart(program: String, code: Int32)
    case missing(program: String)
    case timedOut(what: String)
    /// A command that had to succeed; with the end of what it wrote.
    case failed(command: String, ending: ManagedProcess.Ending, output: String)
    case unreadable(path: String)
}
