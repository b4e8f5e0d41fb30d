internal import ArgumentParser
internal import ControlServer

struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules", abstract: "The rules of the running service: whether they work.",
        subcommands: [ValidateRulesCommand.self])
}

struct ValidateRulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Try a rule's upstream step by step: name, connection and TLS, login, an image, pull limits.",
        discussion: """
            The running service tries it, with its accounts and its way out. Pulls nothing: the image is asked for by \
            HEAD. Says what to do about what fails, and exits with 1 then.
            """)

    @Argument(help: "The rule's name. Default: every rule.")
    var rule: String?
    @Option(
        help: ArgumentHelp(
            "An image that the upstream has, as it names it. Default: one that well-known registries have, or one that "
                + "is cached.", valueName: "repository:tag"))
    var image: String?
    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard let image else { return }
        if rule == nil { throw ValidationError("--image needs a rule.") }
        if KnownImage.parse(image) == nil {
            throw ValidationError("'\(printable(image))' is no image; write REPOSITORY:TAG as the upstream knows it.")
        }
    }

    func run() async throws {
        let client = try service.client()
        var query: [(String, String)] = []
        if let rule { query.append(("rule", rule)) }
        if let image { query.append(("image", image)) }
        let wanted = query
        let documents = try await Progress().during("Asking the upstreams") {
            try await client.request(
                .post, "/v1/rules/validate", query: wanted, timeout: .seconds(600), as: [RuleValidationDocument].self)
        }
        try output.write(documents) { Self.text(documents) }
        if documents.contains(where: { !$0.isValid }) { throw CommandFailure(.failure, "") }
    }

    static func text(_ documents: [RuleValidationDocument]) -> String {
        documents.map { document in
            var text = "\(document.rule) (\(document.upstream)): \(document.isValid ? "works" : "does not work")\n"
            for step in document.steps {
                let outcome =
                    switch step.outcome {
                    case .ok: "ok"
                    case .failed: "FAILED"
                    case .skipped: "-"
                    }
                text += "  \(step.name.padded(to: 12))\(outcome.padded(to: 8))\(printable(step.detail))\n"
                if let advice = step.advice { text += "\(String(repeating: " ", count: 22))\(advice)\n" }
            }
            return text
        }.joined(separator: "\n")
    }
}
