internal import ArgumentParser

struct SpegelVersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print Weir's version where Spegel prints its own.")

    @Option(help: "json, or anything else for text.") var format: String?
    @Option(help: "DEBUG, INFO, WARN or ERROR; nothing is logged here.") var logLevel: String?

    func run() {
        let isJSON = format?.lowercased() == "json"
        writeFully(isJSON ? "{\"version\":\"\(Version.text)\"}\n" : "weir \(Version.text)\n", to: 1)
    }
}
