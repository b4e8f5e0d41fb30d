internal import ArgumentParser
internal import ControlServer
internal import Timekeeping

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Tell what pulling the images of files would cost, and whether that is left.",
        discussion: """
            Reads lists of references (one a line), Kubernetes manifests, Compose files, Dockerfiles and what else \
            'weir images' reads. Pulls nothing. Exits with 1 where an image does not exist, or where what is left of a \
            pull limit does not pay for all of them now.
            """)

    @Argument(
        help: ArgumentHelp(
            "Files and folders, and references with a tag or a digest; '-' is standard input.", valueName: "path"),
        completion: .file())
    var paths: [String]
    @Flag(help: "Ask the upstreams, by HEAD, which costs no pull, for what is not known for certain.")
    var check = false
    @OptionGroup var pulls: PullOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let images = try pulls.images(paths, takesBareNames: false)
        images.tellProblems()
        let client = try pulls.service.client()
        let request = PlanRequest(
            references: images.references, platforms: pulls.wantedPlatforms, asksUpstream: check)
        let document = try await Progress().during("Asking the service") {
            try await client.request(.post, "/v1/plan", body: request, timeout: .seconds(3600), as: PlanDocument.self)
        }
        try output.write(document) { Self.text(document, now: SystemWallClock().now()) }
        guard document.isPossible, images.problems.isEmpty else { throw CommandFailure(.failure, "") }
    }

    static func text(_ document: PlanDocument, now: Timestamp) -> String {
        if document.images.isEmpty { return "no images\n" }
        var table = TextTable(["image", "cached", "pulls", "bytes", "rule", "note"], rightAligned: [2, 3])
        for image in document.images {
            let isOpen = image.state == .failed || image.state == .unknown
            table.append([
                printable(image.reference), cached(image.state), isOpen ? "-" : count(image.pulls, image.arePullsExact),
                isOpen ? "-" : bytes(image.missingBytes, image.areBytesKnown), image.rule ?? "-",
                image.problem.map(printable) ?? "",
            ])
        }
        var text = table.text + "\n"
        if !document.rules.isEmpty {
            var shares = TextTable(["rule", "upstream", "account", "pulls", "left", "now"], rightAligned: [3, 4])
            for share in document.rules {
                shares.append([
                    share.rule, share.upstream, share.accounts.map(printable).joined(separator: ", "),
                    "\(share.pulls)", share.remainingPulls.map { "\($0)" } ?? "-", verdict(share, now: now),
                ])
            }
            text += shares.text + "\n"
        }
        let cachedCount = document.images.count { $0.state == .cached }
        let images = counted(document.images.count, "image")
        text += "\(images), \(cachedCount) cached; the rest takes "
        text += "\(document.arePullsExact ? "" : "up to ")\(counted(document.pulls, "pull"))"
        let isUnknown = !document.areBytesKnown && document.missingBytes == 0
        text += isUnknown ? ", bytes unknown\n" : " and \(bytes(document.missingBytes, document.areBytesKnown))\n"
        return text
    }

    private static func cached(_ state: PlanDocument.State) -> String {
        switch state {
        case .cached: "yes"
        case .partly: "partly"
        case .absent: "no"
        case .unknown, .failed: "-"
        }
    }

    private static func count(_ pulls: Int, _ isExact: Bool) -> String { isExact ? "\(pulls)" : "≤ \(pulls)" }

    /// What is not known yet may be much more.
    private static func bytes(_ bytes: Int64, _ areKnown: Bool) -> String {
        if areKnown { return SizeText.rounded(bytes) }
        return bytes == 0 ? "unknown" : "\(SizeText.rounded(bytes)) and more"
    }

    private static func verdict(_ share: PlanDocument.RuleShare, now: Timestamp) -> String {
        if share.isAllowed { return share.isWarmable ? "yes" : "yes, but not by weir warm" }
        guard let moment = share.recoversAt else { return "no" }
        return "no; more \(TimeText.relative(Timestamp(milliseconds: moment), to: now))"
    }
}
