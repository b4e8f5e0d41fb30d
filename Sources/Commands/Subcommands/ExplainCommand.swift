internal import ArgumentParser
internal import ControlServer
internal import Timekeeping

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Tell what a pull would do: rule, freshness, upstream calls, cost. Pulls nothing.")

    @OptionGroup var reference: ReferenceArgument
    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let explanation = try await service.client().request(
            .get, "/v1/explain", query: [("reference", reference.reference)], as: ExplanationDocument.self)
        try output.write(explanation) { Self.text(explanation, now: SystemWallClock().now()) }
    }

    static func text(_ explanation: ExplanationDocument, now: Timestamp) -> String {
        let cached: String
        if !explanation.isManifestStored {
            cached = "no"
        } else if explanation.blobCount == 0 {
            // An image has one blob at the least, its configuration.
            cached = "the index only; no platform yet"
        } else if explanation.storedBlobCount == explanation.blobCount {
            cached = "yes, with all \(explanation.blobCount) blobs"
        } else {
            cached =
                "manifest and \(explanation.storedBlobCount) of \(explanation.blobCount) blobs; "
                + "\(SizeText.rounded(explanation.missingBytes)) missing"
        }
        let calls = explanation.upstreamCalls
        let facts = TextTable.pairs([
            ("Rule", "\(explanation.rule) (\(explanation.upstream))"),
            ("Repository", explanation.repository),
            ("Reference", explanation.reference),
            ("Digest", explanation.digest ?? "unknown"),
            ("Cached", cached),
            ("Freshness", freshness(explanation, now: now)),
            ("Pinned", explanation.isPinned ? "yes" : "no"),
            ("In use", inUse(explanation, now: now)),
            ("Upstream calls", calls.isEmpty ? "none" : calls.map(printable).joined(separator: ", ")),
            ("Cost", counted(explanation.pullCost, "pull")),
            ("Account", explanation.choice.map { chosen($0, now: now) } ?? "-"),
        ])
        guard let choice = explanation.choice, choice.candidates.count > 1 else { return facts }
        return facts + "\n" + candidates(choice)
    }

    private static func chosen(_ choice: QuotaChoiceDocument, now: Timestamp) -> String {
        if let candidate = choice.candidates.first(where: \.isChosen) {
            let left = candidate.headroom.map { "; \($0) pulls left for it" } ?? ""
            return "\(candidate.account) by \(candidate.egress)\(left)"
        }
        let until = choice.opensAt.map { "; again \(TimeText.relative(Timestamp(milliseconds: $0), to: now))" } ?? ""
        return "none: \(choice.candidates.first?.reason ?? choice.refusal ?? "nobody is left to ask")\(until)"
    }

    private static func candidates(_ choice: QuotaChoiceDocument) -> String {
        var table = TextTable(["account", "address", "left", "per hour", "why"], rightAligned: [2, 3])
        for candidate in choice.candidates {
            table.append([
                candidate.account, candidate.egress, candidate.headroom.map { "\($0)" } ?? "-",
                candidate.headroomPerHour.map { QuotaShowCommand.number($0) } ?? "-", candidate.reason,
            ])
        }
        return table.text
    }

    private static func inUse(_ explanation: ExplanationDocument, now: Timestamp) -> String {
        guard let end = explanation.leasedUntil else { return "no cluster says so" }
        let moment = Timestamp(milliseconds: end)
        return moment > now ? "yes; not evicted until \(TimeText.relative(moment, to: now))" : "no longer"
    }

    private static func freshness(_ explanation: ExplanationDocument, now: Timestamp) -> String {
        let moment = explanation.freshnessChangesAt.map { Timestamp(milliseconds: $0) }
        let relative = moment.map { TimeText.relative($0, to: now) } ?? ""
        return switch explanation.freshness {
        case .immutable: "a digest never changes"
        case .fresh: "fresh; to be confirmed \(relative)"
        case .stale: "to be confirmed since \(relative)"
        case .unknown: "unknown; never asked"
        }
    }
}

struct RefreshCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "refresh", abstract: "Have the upstream confirm a reference now, and tell what changed.",
        discussion: "Exits with 1 where the upstream could not confirm it, and with 4 where it does not have it.")

    @OptionGroup var reference: ReferenceArgument
    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let client = try service.client()
        let reference = reference.reference
        let document = try await Progress().during("Asking the upstream") {
            try await client.request(
                .post, "/v1/refresh", query: [("reference", reference)], timeout: .seconds(300),
                as: RefreshDocument.self)
        }
        try output.write(document) { Self.text(document) }
        if !document.isConfirmed { throw CommandFailure(.failure, "") }
    }

    static func text(_ document: RefreshDocument) -> String {
        let name = imageText("\(document.rule)/\(document.repository)", document.reference)
        if !document.isConfirmed {
            let reason = document.reason.map(printable) ?? "the upstream was not asked"
            return "\(name): could not be confirmed: \(reason); \(document.after) is still served\n"
        }
        guard let before = document.before else { return "\(name): now known as \(document.after)\n" }
        if before == document.after { return "\(name): unchanged, \(document.after)\n" }
        return "\(name): changed\n  from \(before)\n  to   \(document.after)\n"
    }
}

struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Have the service read its configuration again, without dropping a connection.",
        discussion: "As SIGHUP does. A configuration with errors changes nothing.")

    @OptionGroup var service: ServiceOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let document = try await service.client().request(.post, "/v1/reload", as: ReloadDocument.self)
        try output.write(document) {
            let warnings = document.warnings.map { "\($0)\n" }.joined()
            if document.needsRestart.isEmpty { return "\(warnings)reloaded\n" }
            return "\(warnings)reloaded; these wait for a restart: \(document.needsRestart.joined(separator: ", "))\n"
        }
    }
}
