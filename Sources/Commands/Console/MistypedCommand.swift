internal import ArgumentParser

/// A word that stands where a command's name was expected, and names none.
struct MistypedCommand {
    /// The commands before it, `weir` first.
    let path: [String]
    let word: String
    /// What was most likely meant.
    let suggestion: String?

    /// Nil where every name is one of a command.
    /// - Parameter arguments: of the process, without its own name.
    init?(_ arguments: some Sequence<String>, of root: any ParsableCommand.Type = WeirCommand.self) {
        var command: any ParsableCommand.Type = root
        var path = [root._commandName]
        for word in arguments {
            let commands = command.configuration.subcommands
            guard !commands.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
            guard let next = commands.first(where: { $0._commandName == word }) else {
                self.path = path
                self.word = word
                suggestion = Commands.suggestion(for: word, among: commands.map { $0._commandName })
                return
            }
            command = next
            path.append(word)
        }
        return nil
    }

    var message: String {
        let command = path.joined(separator: " ")
        let advice = suggestion.map { "did you mean '\($0)'?" } ?? "'\(command) --help' lists them"
        return "'\(command)' has no command '\(printable(word))'; \(advice)"
    }
}
