internal import ArgumentParser

struct QuotaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota", abstract: "The upstreams' pull limits: what is left of them, and who spends them.",
        subcommands: [QuotaShowCommand.self, QuotaSpendCommand.self, QuotaProbeCommand.self],
        defaultSubcommand: QuotaShowCommand.self)
}
