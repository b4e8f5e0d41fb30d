internal import ArgumentParser
internal import ControlServer
internal import Timekeeping

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what the running service holds and does, and what is left of each quota."
    )

    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let status = try await service.client().request(.get, "/v1/status", as: StatusDocument.self)
        try output.write(status) { Self.text(status, now: SystemWallClock().now()) }
    }

    static func text(_ status: StatusDocument, now: Timestamp) -> String {
        let store = status.store
        var size = SizeText.rounded(store.storedBytes)
        if let limit = store.limitBytes { size += " of \(SizeText.rounded(limit))" }
        if let available = store.availableBytes { size += ", \(SizeText.rounded(available)) free on the disk" }
        var text = TextTable.pairs([
            ("Version", "\(status.version), process \(status.processIdentifier)"),
            ("Running", "since \(TimeText.rough(.seconds(status.uptimeSeconds)))"),
            ("Listening", status.addresses.joined(separator: ", ")),
            ("Store", "\(store.directory): \(size)"),
            (
                "Contents",
                [
                    counted(store.repositories, "repository", "repositories"), counted(store.tags, "tag"),
                    counted(store.manifests, "manifest"), counted(store.blobs, "blob"),
                ].joined(separator: ", ")
            ),
            ("Transfers", "\(status.runningFills) running, \(status.waitingFills) waiting"),
        ])
        var table = TextTable(["rule", "prefix", "registry", "upstream", "account", "pulls left"])
        for rule in status.rules {
            table.append([
                rule.name, rule.prefix ?? "-", rule.host ?? "-", rule.upstream, rule.account, quotas(rule, now: now),
            ])
        }
        text += "\n" + table.text
        let accounts = status.rules.flatMap { rule in
            rule.accounts.compactMap { account in line(account, now: now).map { "  \(rule.name): \($0)\n" } }
        }
        if !accounts.isEmpty { text += "\nAccounts to look at:\n" + accounts.joined() }
        let failures = status.rules.compactMap { rule in
            rule.failure.map { "  \(rule.name): \(failure($0)); 'weir rules validate \(rule.name)' says more\n" }
        }
        if !failures.isEmpty { text += "\nUpstreams that failed when they were last asked:\n" + failures.joined() }
        return text
    }

    private static func failure(_ condition: String) -> String {
        switch condition {
        case "unreachable": "cannot be reached, or its answers make no sense"
        case "serverError": "answers with 5xx"
        default: printable(condition)
        }
    }

    /// Nil where there is nothing to say.
    private static func line(_ account: StatusDocument.Account, now: Timestamp) -> String? {
        if account.condition == "good" || account.condition == "unused" { return nil }
        var text = account.condition.replacing("-", with: " ")
        if let end = account.expiresAt { text += ", \(TimeText.relative(Timestamp(milliseconds: end), to: now))" }
        text += " (\(printable(account.origin)))"
        if let reason = account.reason { text += ": \(printable(reason))" }
        return "\(account.name) \(text)"
    }

    private static func quotas(_ rule: StatusDocument.Rule, now: Timestamp) -> String {
        if rule.quotas.isEmpty { return "-" }
        if rule.quotas.count > 4 { return "\(rule.quotas.count) budgets; see 'weir quota'" }
        return rule.quotas.map { quota in
            var text = quota.remaining.map { "\($0)" } ?? "?"
            if let limit = quota.limit { text += "/\(limit)" }
            if let window = quota.windowSeconds { text += " per \(TimeText.rough(.seconds(window)))" }
            if let source = quota.source { text += " (\(printable(source)))" }
            return text + ", " + TimeText.relative(Timestamp(milliseconds: quota.observedAt), to: now)
        }.joined(separator: "; ")
    }
}

/// `text` from outside, for a terminal: control characters replaced, and cut at a length.
func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(200) {
        let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        result.unicodeScalars.append(isControl ? "?" : scalar)
    }
    return result
}
