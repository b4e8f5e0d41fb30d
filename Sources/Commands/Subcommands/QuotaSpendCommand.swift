internal import ArgumentParser
internal import ControlServer
internal import MetadataStore
internal import Timekeeping

extension SpendGrouping: ExpressibleByArgument {}

struct QuotaSpendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spend", abstract: "Tell who spent which pulls of the upstreams.",
        discussion: """
            Every manifest that was fetched is booked on the client that caused it, by address, by the name that it \
            sends as 'Weir-Client', and by the Kubernetes namespace that it pulls for where a cluster is followed; what \
            Weir fetches by itself is booked on Weir. The books are kept by the hour.
            """)

    @Option(help: ArgumentHelp("client, namespace, repository, rule, tag or hour.", valueName: "what"))
    var by = SpendGrouping.client
    @Option(help: ArgumentHelp("How far back, such as '90m' or '7d'.", valueName: "duration"))
    var since = "24h"
    @Option(help: ArgumentHelp("Rows at the most.", valueName: "count"))
    var limit = 20
    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        do {
            guard try DurationText.parse(since) >= .seconds(1) else {
                throw ValidationError("--since is a second at the least.")
            }
        } catch let problem as ValueProblem {
            throw ValidationError("--since \(printable(since)) \(problem.message).")
        }
        guard (1...SpendQuery.rowLimitMax).contains(limit) else {
            throw ValidationError("--limit is a number from 1 to \(SpendQuery.rowLimitMax).")
        }
    }

    func run() async throws {
        let seconds = try DurationText.parse(since).wholeSeconds
        let document = try await service.client().request(
            .get, "/v1/spend",
            query: [("by", by.rawValue), ("since", "\(seconds)"), ("limit", "\(limit)")], as: SpendDocument.self)
        try output.write(document) { Self.text(document) }
    }

    static func text(_ document: SpendDocument) -> String {
        let span = TimeText.rough(.milliseconds(document.until - document.since))
        guard document.pulls + document.refused > 0 else { return "no pulls in the last \(span)\n" }
        let until = Timestamp(milliseconds: document.until)
        let isHourly = document.by == SpendGrouping.hour.rawValue
        var table = TextTable(
            [document.by, "pulls", "share", "refused"] + (isHourly ? [] : ["last"]), rightAligned: [1, 2, 3])
        for row in document.rows {
            let last = Timestamp(milliseconds: row.lastHour)
            let hour = until - last < .seconds(3600) ? "this hour" : TimeText.relative(last, to: until)
            table.append(
                [
                    name(row, isOfNamespace: document.by == SpendGrouping.namespace.rawValue), "\(row.pulls)",
                    share(row.pulls, of: document.pulls), "\(row.refused)",
                ]
                    + (isHourly ? [] : [hour]))
        }
        var text = table.text
        if document.isCut { text += "and more; --limit shows them\n" }
        let pulls = counted(document.pulls, "pull")
        return text + "\(pulls) in the last \(span), \(document.refused) refused\n"
    }

    private static func name(_ row: SpendDocument.Row, isOfNamespace: Bool) -> String {
        if let hour = row.hour { return String(TimeText.utc(Timestamp(milliseconds: hour)).prefix(16)) + "Z" }
        if let client = row.client {
            let name = row.name.map { " (\(printable($0)))" } ?? ""
            return printable(client) + name + (row.namespace.map { ", \(printable($0))" } ?? "")
        }
        if let work = row.work { return "weir \(work)" }
        if isOfNamespace, !row.isOther { return row.namespace.map(printable) ?? "none known" }
        guard let rule = row.rule else { return "others" }
        guard let repository = row.repository else { return row.isOther ? "\(rule)/ others" : rule }
        guard let reference = row.reference else { return "\(rule)/\(repository)" }
        return imageText("\(rule)/\(repository)", printable(reference))
    }

    private static func share(_ part: Int, of whole: Int) -> String {
        whole > 0 ? "\((part * 200 + whole) / (2 * whole)) %" : "-"
    }
}
