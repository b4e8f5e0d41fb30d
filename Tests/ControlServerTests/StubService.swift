import ControlServer
import MetadataStore
import OCI
import PullThroughCache
import Rules
import Synchronization
import Timekeeping

/// A service that remembers what was asked of it, and fails for some references.
final class StubService: ControlledService {
    let calls = Mutex<[String]>([])
    let unready = Mutex<String?>(nil)

    func note(_ call: String) { calls.withLock { $0.append(call) } }

    func status() async throws(ControlError) -> StatusDocument {
        note("status")
        return StatusDocument(
            version: "1.2.3", processIdentifier: 42, startedAt: 1000, uptimeSeconds: 5, addresses: ["127.0.0.1:5000"],
            store: .init(
                directory: "/s", repositories: 1, tags: 2, manifests: 3, blobs: 4, storedBytes: 5, limitBytes: nil,
                availableBytes: 6),
            runningFills: 7, waitingFills: 8,
            rules: [
                .init(
                    name: "hub", prefix: "hub", host: "docker.io", upstream: "registry-1.docker.io", account: "basic",
                    quotas: [.init(source: "1.2.3.4", limit: 100, remaining: 20, windowSeconds: 21_600, observedAt: 9)])
            ])
    }

    func explain(_ reference: String) async throws(ControlError) -> ExplanationDocument {
        note("explain \(reference)")
        if reference == "bad" { throw ControlError(.badRequest, "no reference") }
        return ExplanationDocument(try sample(), upstream: "up")
    }

    private func sample() throws(ControlError) -> Explanation {
        do {
            let rule = try RuleName("hub")
            return Explanation(
                rule: rule, repository: RepositoryKey(rule: rule, name: try RepositoryName("library/nginx")),
                reference: try ManifestReference("latest"), digest: nil, isManifestStored: true,
                freshness: .fresh(until: Timestamp(milliseconds: 77)), isPinned: false, blobCount: 3,
                storedBlobCount: 2, missingBytes: 10, upstreamCalls: ["HEAD manifests/latest"], pullCost: 0)
        } catch {
            throw ControlError(.failed, "\(error)")
        }
    }

    func quota() async throws(ControlError) -> QuotaDocument {
        note("quota")
        return QuotaDocument(now: 1000, rules: [])
    }

    func probeQuota(of rule: String) async throws(ControlError) -> QuotaProbeDocument {
        note("probe \(rule)")
        throw ControlError(.notFound, "there is no such rule")
    }

    func refresh(_ reference: String) async throws(ControlError) -> RefreshDocument {
        note("refresh \(reference)")
        throw ControlError(.upstream, "the upstream is gone")
    }

    func pins() async throws(ControlError) -> [PinDocument] {
        note("pins")
        return [PinDocument(rule: "hub", repository: "a/b", reference: "1")]
    }

    func setPin(_ isPinned: Bool, on reference: String) async throws(ControlError) -> PinDocument {
        note("\(isPinned ? "pin" : "unpin") \(reference)")
        return PinDocument(rule: "hub", repository: "a/b", reference: reference)
    }

    func evict(_ reference: String, isDryRun: Bool) async throws(ControlError) -> CollectionDocument {
        note("evict \(reference) \(isDryRun)")
        throw ControlError(.notFound, "not cached")
    }

    func collect(isDryRun: Bool) async throws(ControlError) -> CollectionDocument {
        note("collect \(isDryRun)")
        return CollectionDocument(
            CollectionReport(
                isDryRun: isDryRun, images: [], blobCount: 1, freedBytes: 2, storedBytesBefore: 3, limitBytes: 4))
    }

    func reload() async throws(ControlError) -> ReloadDocument {
        note("reload")
        throw ControlError(.invalidConfiguration, "weir.yaml:1:1: wrong")
    }

    func metrics() async -> String { "# TYPE a counter\na 1\n" }

    func unreadiness() async -> String? { unready.withLock { $0 } }
}

extension StubService {
    func spend(_ query: SpendQuery) async throws(ControlError) -> SpendDocument {
        note("spend \(query.grouping.rawValue) \(query.since.wholeSeconds) \(query.rowLimit)")
        let moment = Timestamp(seconds: 3600)
        do {
            let sums = [
                SpendSum(spender: .client(address: "192.0.2.1", user: "ci"), pulls: 5, refused: 1, lastHour: moment),
                SpendSum(spender: .weir(.warm), pulls: 2, refused: 0, lastHour: moment),
            ]
            let totals = [SpendSum(rule: try RuleName("hub"), pulls: 7, refused: 1, lastHour: moment)]
            return SpendDocument(
                query, sums: sums, totals: totals, since: Timestamp(seconds: 0), until: Timestamp(seconds: 7200))
        } catch {
            throw ControlError(.failed, "\(error)")
        }
    }

    func plan(_ request: PlanRequest) async throws(ControlError) -> PlanDocument {
        note("plan \(request.references) \(request.platforms) \(request.asksUpstream)")
        return PlanDocument(
            images: request.references.map { PlanDocument.Image(reference: $0, state: .absent) }, rules: [],
            missingBytes: 9)
    }

    func validate(rule: String?, image: String?) async throws(ControlError) -> [RuleValidationDocument] {
        note("validate \(rule ?? "-") \(image ?? "-")")
        return [RuleValidationDocument(rule: "hub", upstream: "up", steps: [.init("name", .failed, "gone")])]
    }

    func check(_ request: WarmRequest) throws(ControlError) {
        if request.concurrency < 1 { throw ControlError(.badRequest, "'concurrency' is wrong") }
    }

    func warm(_ request: WarmRequest, on board: WarmBoard) async {
        note("warm \(request.references)")
        for index in request.references.indices {
            board.update(index) { image in
                image.state = .done
                image.presentBytes = Int64(index)
            }
        }
        // Until whoever listens leaves.
        if request.references == ["endless"] {
            try? await Task.sleep(for: .seconds(600))
            note("cancelled \(Task.isCancelled)")
        }
    }
}

struct StubNode: ControlledNode {
    func status() async throws(ControlError) -> NodeStatusDocument { throw ControlError(.failed, "a stub") }
    func find(_ reference: String) async throws(ControlError) -> NodeFindDocument {
        throw ControlError(.failed, "a stub")
    }
    func measure(_ reference: String) async throws(ControlError) -> NodeMeasureDocument {
        throw ControlError(.failed, "a stub")
    }
    func metrics() async -> String { "" }
    func unreadiness() async -> String? { nil }
}
