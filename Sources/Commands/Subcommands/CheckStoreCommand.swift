internal import ArgumentParser

struct CheckStoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "fsck", abstract: "Check the store.")
    @OptionGroup var options: ConfigurationOptions
    func run() async throws {}
}
