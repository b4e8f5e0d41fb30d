/// What a command did.
struct CommandResult: Sendable {
    let command: String
    let ending: ManagedProcess.Ending
    let output: String
    let errors: String
}
