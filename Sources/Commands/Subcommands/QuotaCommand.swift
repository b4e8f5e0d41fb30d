internal import ArgumentParser

struct QuotaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota", abstract: "The upstreams' pull limits: who spends them.",
        subcommands: [QuotaSpendCommand.self])
}
