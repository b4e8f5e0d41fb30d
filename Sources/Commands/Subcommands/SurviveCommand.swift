internal import ArgumentParser
internal import ControlServer
internal import Timekeeping

struct SurviveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "survive",
        abstract: "Tell which images that run in the cluster could be pulled with every upstream gone, and which not.",
        discussion: """
            The running service is asked, which follows the cluster where 'kubernetes' is configured. Exits with 1 where \
            an image could not be pulled, or where the cluster is not known whole.
            """)

    @Flag(help: "Name those alone that could not be pulled.")
    var missing = false
    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let client = try service.client()
        var document = try await Progress().during("Looking at every image") {
            try await client.request(.get, "/v1/cluster", timeout: .seconds(600), as: ClusterDocument.self)
        }
        let isWhole = document.isComplete && document.images.allSatisfy(\.isPullable)
        let total = document.images.count
        if missing { document.images.removeAll(where: \.isPullable) }
        let shown = document
        try output.write(shown) { Self.text(shown, total: total, now: SystemWallClock().now()) }
        if !isWhole { throw CommandFailure(.failure, "") }
    }

    static func text(_ document: ClusterDocument, total: Int, now: Timestamp) -> String {
        var text = ""
        if !document.images.isEmpty {
            var table = TextTable(["image", "pods", "platforms", "survives", "why"], rightAligned: [1])
            for image in document.images {
                table.append([
                    printable(image.image), "\(image.podCount)",
                    image.platforms.isEmpty ? "-" : image.platforms.joined(separator: ","),
                    image.isPullable ? "yes" : "no",
                    image.reasons.isEmpty ? "-" : image.reasons.map(printable).joined(separator: "; "),
                ])
            }
            text += table.text + "\n"
        }
        let lost = document.images.count { !$0.isPullable }
        text += "\(total - lost) of \(total) images could be pulled with every upstream gone\n"
        return text + contact(document, now: now)
    }

    /// What is to be known of what is not known; empty while all is well.
    static func contact(_ document: ClusterDocument, now: Timestamp) -> String {
        let heard = document.lastHeard.map { "last heard \(TimeText.relative(Timestamp(milliseconds: $0), to: now))" }
        if let problem = document.problem {
            return "the API server is not heard (\(heard ?? "never heard")): \(printable(problem))\n"
        }
        return document.isComplete ? "" : "the cluster's pods are still being listed; ask again\n"
    }
}
