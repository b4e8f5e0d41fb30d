internal import ArgumentParser
internal import ControlServer
internal import Timekeeping

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

struct QuotaShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show each account and address: what is left, how fast it goes, and when it is there again.",
        discussion: """
            States: open; reserved, only for images that were never cached; spent; slowed, the upstream asked the \
            address for fewer requests; refused, the account's login; unlimited; unknown, not asked yet.
            """)

    @Flag(help: "Show it again every two seconds, until interrupted.")
    var watch = false

    @Flag(help: "Also what nobody has asked yet, and every row of a long table.")
    var all = false

    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let client = try service.client()
        repeat {
            let document = try await client.request(.get, "/v1/quota", as: QuotaDocument.self)
            // From the top of an emptied screen, where there is one.
            if watch, !output.json, isatty(STDOUT_FILENO) == 1 { writeFully("\u{1B}[H\u{1B}[2J", to: STDOUT_FILENO) }
            try output.write(document) { Self.text(document, all: all) }
            if watch { try await Task.sleep(for: .seconds(2)) }
        } while watch
    }

    /// Rows of a table that a screen can still be scrolled through.
    static let rowLimit = 200

    static func text(_ document: QuotaDocument, all: Bool) -> String {
        let now = Timestamp(milliseconds: document.now)
        var table = TextTable(
            [
                "rule", "account", "address", "state", "left", "limit", "window", "reserve", "per hour", "runs out",
                "recovers", "told",
            ], rightAligned: [4, 5, 6, 7, 8])
        var (shown, hidden, cut) = (0, 0, 0)
        for rule in document.rules {
            for pair in rule.pairs {
                if !all, pair.state == "unknown" {
                    hidden += 1
                } else if !all, shown >= rowLimit {
                    cut += 1
                } else {
                    shown += 1
                    table.append(row(rule.name, pair, now: now))
                }
            }
        }
        var text = table.text
        if cut > 0 { text += "\nand \(cut) more; '--all' shows them\n" }
        if hidden > 0 { text += "\n\(hidden) not asked yet; '--all' shows them\n" }
        for rule in document.rules {
            for problem in rule.problems { text += "\(rule.name): \(printable(problem))\n" }
        }
        return text
    }

    static func row(_ rule: String, _ pair: QuotaDocument.Pair, now: Timestamp) -> [String] {
        func relative(_ moment: Int64?) -> String {
            moment.map { TimeText.relative(Timestamp(milliseconds: $0), to: now) } ?? "-"
        }
        func text(_ number: Int64?) -> String { number.map { "\($0)" } ?? "-" }
        return [
            rule, pair.account, pair.egress, pair.state, text(pair.remaining), text(pair.limit),
            pair.windowSeconds.map { TimeText.rough(.seconds($0)) } ?? "-", text(pair.reserve),
            number(pair.spentPerHour), relative(pair.runsOutAt), relative(pair.setAsideUntil ?? pair.recoversAt),
            relative(pair.observedAt),
        ]
    }

    /// With one decimal below ten.
    static func number(_ value: Double) -> String {
        guard value < 1e15 else { return "-" }
        if value >= 9.95 || value == 0 { return "\(Int64(value.rounded()))" }
        let tenths = Int64((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

struct QuotaProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe", abstract: "Have a rule's upstream tell what is left, without pulling anything.",
        discussion: "Asks once by each account and address. Exits with 1 where one of them gave no answer.")

    @Argument(help: ArgumentHelp("The rule's name.", valueName: "rule"))
    var rule: String

    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let client = try service.client()
        let rule = rule
        let document = try await Progress().during("Asking the upstream") {
            try await client.request(
                .post, "/v1/quota/probe", query: [("rule", rule)], timeout: .seconds(300),
                as: QuotaProbeDocument.self)
        }
        try output.write(document) { Self.text(document, now: SystemWallClock().now()) }
        if !document.failures.isEmpty { throw CommandFailure(.failure, "") }
    }

    static func text(_ document: QuotaProbeDocument, now: Timestamp) -> String {
        var text = QuotaShowCommand.text(
            QuotaDocument(now: now.milliseconds, rules: [document.rule]), all: true)
        if document.withoutLimits > 0 {
            text += "\nno limit is announced to \(document.withoutLimits) of them\n"
        }
        for failure in document.failures {
            text += "\(failure.account) by \(failure.egress): \(printable(failure.reason))\n"
        }
        return text
    }
}
