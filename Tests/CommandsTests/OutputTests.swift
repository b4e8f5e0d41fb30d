import ControlServer
import HTTPSemantics
import OCI
import PullThroughCache
import Rules
import Testing
import Timekeeping

@testable import Commands

@Suite struct OutputTests {
    private let now = Timestamp(seconds: 1_700_000_000)

    @Test func `the status is a table`() {
        let status = StatusDocument(
            version: "1.2.3", processIdentifier: 42, startedAt: 0, uptimeSeconds: 93_600,
            addresses: ["127.0.0.1:5000"],
            store: .init(
                directory: "/s", repositories: 1, tags: 2, manifests: 3, blobs: 4, storedBytes: 5 << 20,
                limitBytes: 1 << 30, availableBytes: nil),
            runningFills: 7, waitingFills: 8,
            rules: [
                .init(
                    name: "hub", prefix: "hub", host: "docker.io", upstream: "registry-1.docker.io", account: "basic",
                    quotas: [
                        .init(
                            source: "me\u{1B}[31m", limit: 100, remaining: 20, windowSeconds: 21_600,
                            observedAt: (now - .seconds(60)).milliseconds)
                    ]),
                .init(
                    name: "lab", prefix: "lab", host: nil, upstream: "http://l:1", account: "anonymous", quotas: [],
                    failure: "serverError"),
                .init(
                    name: "ecr", prefix: "ecr", host: nil, upstream: "e", account: "2 accounts", quotas: [],
                    accounts: [
                        .init(name: "a", condition: "good", needsAttention: false, origin: "a file"),
                        .init(
                            name: "b", condition: "about-to-expire", needsAttention: false, origin: "Amazon ECR",
                            expiresAt: (now + .seconds(1800)).milliseconds),
                        .init(
                            name: "c", condition: "refused", needsAttention: true, origin: "the configuration",
                            reason: "no\u{7}"),
                    ]),
            ])
        #expect(
            StatusCommand.text(status, now: now) == """
                Version:   1.2.3, process 42
                Running:   since 1d 2h
                Listening: 127.0.0.1:5000
                Store:     /s: 5.00 MiB of 1.00 GiB
                Contents:  1 repository, 2 tags, 3 manifests, 4 blobs
                Transfers: 7 running, 8 waiting

                RULE  PREFIX  REGISTRY   UPSTREAM              ACCOUNT     PULLS LEFT
                hub   hub     docker.io  registry-1.docker.io  basic       20/100 per 6h (me?[31m), 1m ago
                lab   lab     -          http://l:1            anonymous   -
                ecr   ecr     -          e                     2 accounts  -

                Accounts to look at:
                  ecr: b about to expire, in 30m (Amazon ECR)
                  ecr: c refused (the configuration): no?

                Upstreams that failed when they were last asked:
                  lab: answers with 5xx; 'weir rules validate lab' says more

                """)
    }

    @Test func `a refresh tells what changed`() {
        func text(_ before: String?) -> String {
            RefreshCommand.text(
                .init(
                    rule: "hub", repository: "a/b", reference: "1", before: before, after: "new", cacheStatus: "",
                    isConfirmed: true))
        }
        #expect(text(nil) == "hub/a/b:1: now known as new\n")
        #expect(text("new") == "hub/a/b:1: unchanged, new\n")
        #expect(text("old") == "hub/a/b:1: changed\n  from old\n  to   new\n")
    }

    @Test(
        arguments: [
            (CacheStatus(isHit: false, forward: .request), nil),
            (CacheStatus(isHit: false, forward: .uriMiss), nil),
            (CacheStatus(isHit: true), nil),
            (CacheStatus(isHit: false, forward: .stale, detail: "unreachable"), "the upstream cannot be reached"),
            (
                CacheStatus(isHit: false, forward: .stale, forwardStatus: 503, detail: "server-error"),
                "the upstream fails (status 503)"
            ),
            (
                CacheStatus(isHit: true, detail: "upstream-paused"),
                "the upstream failed a moment ago, and was not asked again"
            ),
            (CacheStatus(isHit: false, forward: .stale), "the upstream did not answer"),
            (CacheStatus(isHit: true, detail: "new-word"), "new-word"),
        ] as [(CacheStatus, String?)])
    func `a refresh that the upstream did not confirm says why`(_ status: CacheStatus, _ reason: String?) {
        #expect(status.isConfirmed == (reason == nil))
        #expect(status.reasonUnconfirmed == reason)
        let text = RefreshCommand.text(
            .init(
                rule: "hub", repository: "a/b", reference: "1", before: "old", after: "old", cacheStatus: "",
                isConfirmed: status.isConfirmed, reason: status.reasonUnconfirmed))
        #expect(
            text
                == (reason.map { "hub/a/b:1: could not be confirmed: \($0); old is still served\n" }
                    ?? "hub/a/b:1: unchanged, old\n"))
    }

    @Test(arguments: [
        (false, 0, 0, "no"), (true, 0, 0, "the index only; no platform yet"), (true, 3, 3, "yes, with all 3 blobs"),
        (true, 3, 1, "manifest and 1 of 3 blobs; 10 B missing"),
    ])
    func `an explanation says what is cached`(_ isStored: Bool, _ blobs: Int, _ stored: Int, _ words: String) throws {
        let rule = try RuleName("hub")
        let explanation = Explanation(
            rule: rule, repository: RepositoryKey(rule: rule, name: try RepositoryName("a/b")),
            reference: try ManifestReference("1"), digest: nil, isManifestStored: isStored, freshness: .unknown,
            isPinned: false, blobCount: blobs, storedBlobCount: stored, missingBytes: 10, upstreamCalls: [],
            pullCost: 1)
        let text = ExplainCommand.text(ExplanationDocument(explanation, upstream: "-"), now: now)
        #expect(text.contains("Cached:         \(words)\n"), "\(text)")
    }
}
