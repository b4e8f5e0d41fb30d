internal import ArgumentParser

/// Spegel's own command line, for those who change from it.
struct SpegelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spegel", abstract: "Take Spegel's place: its subcommands, flags and environment.",
        discussion: "Every flag may be given as an environment variable of the same name in upper case: REGISTRY_ADDR.",
        subcommands: [
            SpegelRegistryCommand.self, SpegelConfigurationCommand.self, SpegelCleanupCommand.self,
            SpegelCleanupWaitCommand.self, SpegelVersionCommand.self,
        ])
}

/// Flags go before the environment; what is empty counts as not given.
struct SpegelEnvironment {
    private let variables: [String: String]

    init(_ variables: [String: String]) { self.variables = variables }

    func value(_ flag: String?, _ name: String) -> String? {
        let text = flag ?? variables[name]
        return text?.isEmpty == false ? text : nil
    }

    /// As go-arg has it: each value of a flag is one, whatever is in it, and a variable is a line of CSV.
    ///
    /// An expression such as `a{1,2}` has a comma: divided there, it would hide nothing.
    func list(_ flags: [String], _ name: String) throws(CommandFailure) -> [String] {
        guard flags.isEmpty else { return flags.filter { !$0.isEmpty } }
        guard let list = GoText.list(variables[name] ?? "") else {
            throw CommandFailure(
                .usage, "\(name) is no line of CSV; write A,B or \"A\",\"B\", and \"\" for a quote within")
        }
        return list
    }
}
