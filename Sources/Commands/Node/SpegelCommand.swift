internal import ArgumentParser

/// Spegel's own command line, for those who change from it.
struct SpegelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spegel", abstract: "Take Spegel's place: its subcommands, flags and environment.",
        discussion: "Every flag may be given as an environment variable of the same name in upper case: REGISTRY_ADDR.",
        subcommands: [
            SpegelRegistryCommand.self, SpegelConfigurationCommand.self, SpegelCleanupCommand.self,
            SpegelCleanupWaitCommand.self,
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

    /// A variable's list is divided by commas or blanks.
    func list(_ flags: [String], _ name: String) -> [String] {
        let texts = flags.isEmpty ? [variables[name] ?? ""] : flags
        return texts.flatMap { $0.split(whereSeparator: { ", \n".contains($0) }).map(String.init) }
    }
}
