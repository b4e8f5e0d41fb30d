import ControlServer
import Foundation
import HTTPSemantics
import ImageFiles
import MetadataStore
import OCI
import Quota
import Rules
import Testing
import Timekeeping

@testable import Commands

@Suite struct PullCommandTests {
    private let begin = Timestamp(seconds: 1_700_000_000)

    private func spend(_ grouping: SpendGrouping, _ sums: [SpendSum], limit: Int = 10) -> String {
        let query = SpendQuery(grouping: grouping, since: .seconds(86_400), rowLimit: limit)
        let total = SpendSum(
            pulls: sums.reduce(0) { $0 + $1.pulls }, refused: sums.reduce(0) { $0 + $1.refused }, lastHour: begin)
        return QuotaSpendCommand.text(
            SpendDocument(
                query, sums: sums, totals: sums.isEmpty ? [] : [total], since: begin - .seconds(86_400), until: begin))
    }

    @Test func `who spends is a table, the most first`() {
        let sums = [
            SpendSum(
                spender: .client(address: "192.0.2.1", user: "ci"), pulls: 90, refused: 2,
                lastHour: begin - .seconds(60)),
            SpendSum(spender: .weir(.warm), pulls: 9, refused: 0, lastHour: begin - .seconds(7200)),
            SpendSum(spender: .others, pulls: 1, refused: 0, lastHour: begin - .seconds(7200)),
        ]
        #expect(
            spend(.client, sums) == """
                CLIENT          PULLS  SHARE  REFUSED  LAST
                192.0.2.1 (ci)     90   90 %        2  this hour
                weir warm           9    9 %        0  2h ago
                others              1    1 %        0  2h ago
                100 pulls in the last 1d, 2 refused

                """)
        #expect(spend(.client, sums, limit: 2).contains("and more; --limit shows them\n"))
        #expect(spend(.client, []) == "no pulls in the last 1d\n")
    }

    @Test func `a client is told with its namespace, and namespaces by themselves`() {
        let client = SpendSum(
            spender: .client(address: "192.0.2.1", user: "ci", namespace: "shop"), pulls: 3, refused: 0,
            lastHour: begin)
        #expect(spend(.client, [client]).contains("\n192.0.2.1 (ci), shop      3 "))
        let sums = [
            SpendSum(namespace: "shop", pulls: 4, refused: 0, lastHour: begin),
            SpendSum(pulls: 3, refused: 0, lastHour: begin),
            SpendSum(spender: .others, pulls: 2, refused: 0, lastHour: begin),
            SpendSum(spender: .weir(.warm), pulls: 1, refused: 0, lastHour: begin),
        ]
        let names = spend(.namespace, sums).split(separator: "\n").prefix(5).map { $0.prefix(10) }
        #expect(names == ["NAMESPACE ", "shop      ", "none known", "others    ", "weir warm "])
    }

    @Test(
        arguments: [
            (.rule, "hub"), (.repository, "hub/library/nginx"), (.tag, "hub/library/nginx:1.27"),
        ] as [(SpendGrouping, String)])
    func `a row is named by what is grouped`(_ grouping: SpendGrouping, _ name: String) throws {
        var sum = SpendSum(rule: try RuleName("hub"), pulls: 1, refused: 0, lastHour: begin)
        if grouping != .rule { sum.repository = try .init("library/nginx") }
        if grouping == .tag { sum.reference = "1.27" }
        #expect(spend(grouping, [sum]).split(separator: "\n")[1].hasPrefix("\(name)  "))
        sum.repository = nil
        sum.reference = nil
        let other = grouping == .rule ? "hub  " : "hub/ others  "
        #expect(spend(grouping, [sum]).split(separator: "\n")[1].hasPrefix(other))
    }

    @Test func `a plan tells each image, each rule and the sum`() {
        var nginx = PlanDocument.Image(reference: "nginx:1.27", state: .cached)
        (nginx.rule, nginx.storedBytes) = ("hub", 100 << 20)
        var redis = PlanDocument.Image(reference: "redis:7", state: .partly)
        (redis.rule, redis.missingBytes) = ("hub", 3 << 20)
        var new = PlanDocument.Image(reference: "new:1", state: .absent)
        (new.rule, new.pulls, new.arePullsExact, new.areBytesKnown) = ("hub", 2, false, false)
        let gone = PlanDocument.Image(
            reference: "gone:1", state: .unknown, problem: "the upstream has no such image")
        var share = PlanDocument.RuleShare(rule: "hub", upstream: "registry-1.docker.io")
        (share.pulls, share.remainingPulls, share.isAllowed, share.accounts) = (2, 1, false, ["anonymous"])
        share.recoversAt = (begin + .seconds(3600)).milliseconds
        let document = PlanDocument(images: [nginx, redis, new, gone], rules: [share], missingBytes: 3 << 20)
        #expect(!document.isPossible)
        #expect(
            PlanCommand.text(document, now: begin) == """
                IMAGE       CACHED  PULLS     BYTES  RULE  NOTE
                nginx:1.27  yes         0       0 B  hub
                redis:7     partly      0  3.00 MiB  hub
                new:1       no        ≤ 2   unknown  hub
                gone:1      -           -         -  -     the upstream has no such image

                RULE  UPSTREAM              ACCOUNT    PULLS  LEFT  NOW
                hub   registry-1.docker.io  anonymous      2     1  no; more in 1h

                4 images, 1 cached; the rest takes up to 2 pulls and 3.00 MiB and more

                """)
        #expect(PlanCommand.text(PlanDocument(images: [], rules: [], missingBytes: 0), now: begin) == "no images\n")
    }

    @Test func `a warming tells each image's end`() {
        var image = WarmDocument(index: 0, reference: "nginx:1.27", state: .done)
        (image.totalBytes, image.presentBytes, image.fetchedBytes, image.pulls) = (4 << 20, 4 << 20, 3 << 20, 2)
        #expect(WarmRun.line(image) == "nginx:1.27: fetched 3.00 MiB of 4.00 MiB, 2 pulls\n")
        (image.fetchedBytes, image.pulls) = (0, 0)
        #expect(WarmRun.line(image) == "nginx:1.27: cached already, 4.00 MiB\n")
        var deferred = WarmDocument(index: 1, reference: "redis:7", state: .deferred)
        (deferred.problem, deferred.retryAfterSeconds) = ("no pulls are left", 600)
        #expect(WarmRun.line(deferred) == "redis:7: put off: no pulls are left; again in 10m\n")
        var failed = WarmDocument(index: 2, reference: "x", state: .failed)
        failed.problem = "manifest unknown"
        #expect(WarmRun.line(failed) == "x: manifest unknown\n")
        let summary = WarmSummary(images: [image, deferred, failed])
        #expect(
            summary.text == "1 of 3 images cached, 0 B fetched, 0 pulls; 1 put off; 1 failed\n"
                + "more can be pulled in 10m: repeat the command then, or have it wait with --wait\n")
        #expect(!summary.isComplete)
    }

    // MARK: Quota

    @Test func `a table of a thousand accounts by eight addresses is cut, and told whole where that is wanted`() {
        let accounts = (0..<1000).map { AccountName("account-\($0)") }
        let egresses = (0..<8).map { EgressName("10.0.0.\($0)") }
        var ledger = QuotaLedger(accounts: accounts, allowsAnonymous: false, egresses: egresses, now: begin)
        let window = Duration.seconds(21_600)
        for account in accounts.prefix(500) {
            for egress in egresses {
                ledger.observe(
                    QuotaObservation(
                        limit: RateLimitField(count: 200, window: window),
                        remaining: RateLimitField(count: 150, window: window), source: "\(account)"),
                    of: QuotaPair(account, egress), startedAt: begin, now: begin)
            }
        }
        let time = ContinuousClock().measure {
            let rule = QuotaDocument.Rule(name: "hub", report: ledger.report(now: begin))
            let document = QuotaDocument(now: begin.milliseconds, rules: [rule])
            let text = QuotaShowCommand.text(document, all: false)
            #expect(text.split(separator: "\n").count == 1 + QuotaShowCommand.rowLimit + 2)
            #expect(text.contains("and 3800 more; '--all' shows them"))
            #expect(text.contains("4000 not asked yet; '--all' shows them"))
            #expect(QuotaShowCommand.text(document, all: true).split(separator: "\n").count == 8001)
        }
        #expect(time < .seconds(20))
    }

    // MARK: Arguments

    private func images(_ arguments: [String], takesBareNames: Bool = true) throws -> ImageArguments {
        try ImageArguments(arguments, takesBareNames: takesBareNames, options: ImageFile.Options(), rewriter: nil)
    }

    @Test func `images come from references, lists, Compose files and folders, each once`() throws {
        let folder = try Folder()
        let list = try folder.write("# base\nnginx:1.27\n\nredis:7 # cache\n", to: "images.txt")
        try folder.write("services: { web: { image: 'nginx:1.27' }, db: { image: 'postgres:16' } }", to: "compose.yaml")
        try folder.write("FROM ghcr.io/a/b:1\n", to: "Dockerfile")
        let found = try images(["alpine:3.20", list, "\(folder.path)/compose.yaml", "\(folder.path)/Dockerfile"])
        #expect(found.problems == [])
        #expect(found.references == ["alpine:3.20", "nginx:1.27", "redis:7", "postgres:16", "ghcr.io/a/b:1"])
        let inFolder = try images([folder.path])
        #expect(Set(inFolder.references) == ["nginx:1.27", "postgres:16", "ghcr.io/a/b:1"])
    }

    @Test func `what is no image is told, with its place`() throws {
        let folder = try Folder()
        let compose = try folder.write("services: { web: { image: '${IMAGE}' } }", to: "compose.yaml")
        let found = try images([compose, "Not An Image"])
        #expect(found.references == [])
        #expect(found.problems.count == 2)
        #expect(found.problems.first?.hasPrefix("\(compose):1: a variable says which image") == true)
    }

    @Test(arguments: ["/none", "./none", "none/", "~/none.yaml", "deploy/none.yaml", "images.txt", "../a:b"])
    func `a file that is missing is no reference, whatever takes both`(_ path: String) throws {
        for takesBareNames in [true, false] {
            let found = try images([path], takesBareNames: takesBareNames)
            #expect(found.references == [])
            #expect(found.problems == ["\(path): does not exist"])
        }
    }

    @Test func `a plan takes a reference with a tag or a digest, and no bare name, which may be a misspelt folder`()
        throws
    {
        let digest = "sha256:\(String(repeating: "a", count: 64))"
        let written = ["nginx:1.27", "localhost:5000/a/b:1", "ghcr.io/a/b@\(digest)"]
        #expect(try images(written, takesBareNames: false).references == written)
        for name in ["depoly", "localhost:5000/a/b"] {
            #expect(try images([name], takesBareNames: false).problems == ["\(name): does not exist"])
            #expect(try images([name]).references == [name])
        }
    }

    @Test(
        arguments: [
            ("nginx", ["nginx"]), ("a:1\r\nb:2\r\n", ["a:1", "b:2"]), ("", nil), ("# nothing\n", nil), ("a b\n", nil),
            ("key:\n", nil), ("- nginx\n", nil), ("{}", nil), ("image: nginx\n", nil), ("---\na\n", nil),
        ] as [(String, [String]?)])
    func `a list has one reference on a line`(_ text: String, _ references: [String]?) {
        #expect(ImageArguments.list(Array(text.utf8)) == references)
    }
}
