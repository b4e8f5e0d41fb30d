internal import ArgumentParser
internal import ControlServer
internal import Timekeeping

struct WarmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "warm", abstract: "Pull images into the cache ahead of time, within what is left of the limits.",
        discussion: """
            Takes references, and files as 'weir plan' does. What is cached is not fetched again, so that breaking off \
            and repeating cost nothing. Twice the reserve of a pull limit is left to clients; where no more pulls than \
            that are left the rest is put off: the command tells until when and exits with 1, or waits and goes on with \
            --wait.
            """)

    @Argument(
        help: ArgumentHelp("References, files and folders; '-' is standard input.", valueName: "ref-or-file"),
        completion: .file())
    var images: [String]
    @Option(help: ArgumentHelp("Images at one time.", valueName: "count"))
    var concurrency = 3
    @Flag(help: "Where no pulls are left, wait until there are, and go on.")
    var wait = false
    @OptionGroup var pulls: PullOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...WarmRequest.concurrencyMax).contains(concurrency) else {
            throw ValidationError("--concurrency is a number from 1 to \(WarmRequest.concurrencyMax).")
        }
    }

    func run() async throws {
        let arguments = try pulls.images(images, takesBareNames: true)
        arguments.tellProblems()
        var run = WarmRun(arguments.references, isQuiet: output.json)
        let client = try pulls.service.client()
        while !run.pending.isEmpty {
            try await run.perform(by: client, platforms: pulls.wantedPlatforms, concurrency: concurrency)
            guard wait, let pause = run.pause else { break }
            run.progress.show("The rest is put off; going on in \(TimeText.rough(pause))")
            try await Task.sleep(for: pause)
        }
        run.progress.clear()
        let document = run.document
        try output.write(document) { document.text }
        guard document.isComplete, arguments.problems.isEmpty else { throw CommandFailure(.failure, "") }
    }
}
