internal import ControlServer
internal import MetadataStore
internal import OCI
internal import PullThroughCache
internal import Rules
internal import Timekeeping
internal import Upstream

// Who spent which pulls, what more would cost, and to make them ahead of time.
extension ServiceController {
    func spend(_ query: SpendQuery) async throws(ControlError) -> SpendDocument {
        let now = SystemWallClock().now()
        let since = now - query.since
        let sums = try await asked { () throws(CacheError) in
            try await cache.spend(by: query.grouping, since: since, limit: query.rowLimit + 1)
        }
        let totals = try await asked { () throws(CacheError) in
            try await cache.spend(by: .rule, since: since, limit: .max)
        }
        return SpendDocument(query, sums: sums, totals: totals, since: since, until: now)
    }

    // MARK: Plan

    private static let planConcurrency = 8

    func plan(_ request: PlanRequest) async throws(ControlError) -> PlanDocument {
        let platforms = try Self.selection(request.platforms)
        try Self.checkCount(of: request.references)
        var planned: [(image: PlanDocument.Image, plan: PullPlan?)?] = Array(
            repeating: nil, count: request.references.count)
        await withTaskGroup(of: (Int, PlanDocument.Image, PullPlan?).self) { group in
            for (index, reference) in request.references.enumerated() {
                if index >= Self.planConcurrency, let (index, image, plan) = await group.next() {
                    planned[index] = (image, plan)
                }
                group.addTask {
                    let (image, plan) = await self.plan(reference, platforms, asksUpstream: request.asksUpstream)
                    return (index, image, plan)
                }
            }
            for await (index, image, plan) in group { planned[index] = (image, plan) }
        }
        return await document(planned.compactMap(\.self))
    }

    private func plan(
        _ reference: String, _ platforms: PlatformSelection, asksUpstream: Bool
    ) async -> (PlanDocument.Image, PullPlan?) {
        do throws(ControlError) {
            let target = try resolve(reference)
            let plan = try await asked(about: target) { () throws(CacheError) in
                try await cache.plan(
                    target.reference, in: target.repository, rule: target.rule, platforms: platforms,
                    asksUpstream: asksUpstream)
            }
            return (PlanDocument.Image(plan, writtenAs: reference), plan)
        } catch {
            return (PlanDocument.Image(reference: reference, state: .failed, problem: error.message), nil)
        }
    }

    /// What several images share is fetched once, in a repository and across them.
    private func document(_ planned: [(image: PlanDocument.Image, plan: PullPlan?)]) async -> PlanDocument {
        var missing: [RuleName: [Digest: Int64]] = [:]
        var pulls: [RuleName: Int] = [:]
        var paid: Set<String> = []
        var images: [PlanDocument.Image] = []
        for (image, plan) in planned {
            var image = image
            if let plan {
                // The same image by the same name costs once.
                if !paid.insert("\(plan.repository) \(plan.digest?.description ?? "\(plan.reference)")").inserted {
                    image.pulls = 0
                }
                pulls[plan.repository.rule, default: 0] += image.pulls
                missing[plan.repository.rule, default: [:]].merge(plan.missing) { first, _ in first }
            }
            images.append(image)
        }
        let all = missing.values.reduce(into: [Digest: Int64]()) { $0.merge($1) { first, _ in first } }
        var shares: [PlanDocument.RuleShare] = []
        for rule in pulls.keys.sorted(by: { $0.description < $1.description }) {
            shares.append(
                share(of: rule, pulls: pulls[rule] ?? 0, missingBytes: (missing[rule] ?? [:]).values.reduce(0, +)))
        }
        return PlanDocument(images: images, rules: shares, missingBytes: all.values.reduce(0, +))
    }

    // MARK: Warm

    func check(_ request: WarmRequest) throws(ControlError) {
        _ = try Self.selection(request.platforms)
        try Self.checkCount(of: request.references)
        guard (1...WarmRequest.concurrencyMax).contains(request.concurrency) else {
            throw ControlError(.badRequest, "'concurrency' is a number from 1 to \(WarmRequest.concurrencyMax)")
        }
    }

    func warm(_ request: WarmRequest, on board: WarmBoard) async {
        guard let platforms = try? Self.selection(request.platforms) else { return }
        let spent = SpentRules()
        await withTaskGroup(of: Void.self) { group in
            for (index, reference) in request.references.enumerated() {
                if index >= request.concurrency { await group.next() }
                if Task.isCancelled { return }
                group.addTask { await self.warm(index, reference, platforms, spent, on: board) }
            }
        }
    }

    private func warm(
        _ index: Int, _ reference: String, _ platforms: PlatformSelection, _ spent: SpentRules, on board: WarmBoard
    ) async {
        do {
            let target = try resolve(reference)
            if let wait = spent[target.rule.name], await !isCached(target, platforms) {
                board.update(index) { $0.put(off: wait) }
                return
            }
            board.update(index) { $0.state = .running }
            do {
                let digest = try await cache.warm(
                    target.reference, in: target.repository, rule: target.rule, platforms: platforms
                ) { progress in board.update(index) { $0.note(progress) } }
                board.update(index) { image in
                    image.state = .done
                    image.digest = digest.description
                }
            } catch CacheError.upstream(let error) {
                guard let wait = SpentRules.Wait(error) else { throw CacheError.upstream(error) }
                spent.note(target.rule.name, wait)
                board.update(index) { $0.put(off: wait) }
            }
        } catch {
            board.update(index) { image in
                image.state = .failed
                image.problem = "\(error)"
            }
        }
    }

    /// Whether warming it would take no pull, as far as is known here.
    private func isCached(_ target: Target, _ platforms: PlatformSelection) async -> Bool {
        let plan = try? await cache.plan(
            target.reference, in: target.repository, rule: target.rule, platforms: platforms, asksUpstream: false)
        return plan?.holding == .cached
    }

    private static func checkCount(of references: [String]) throws(ControlError) {
        guard references.count <= PlanRequest.referenceLimit else {
            throw ControlError(.badRequest, "more than \(PlanRequest.referenceLimit) images at once")
        }
    }

    private static func selection(_ platforms: [String]) throws(ControlError) -> PlatformSelection {
        guard platforms.count <= PlanRequest.platformLimit else {
            throw ControlError(.badRequest, "more than \(PlanRequest.platformLimit) platforms")
        }
        if platforms.isEmpty { return .all }
        var parsed: [Platform] = []
        for text in platforms {
            guard let platform = Platform(text) else {
                throw ControlError(
                    .badRequest, "'\(printable(text))' is no platform; write os/architecture, such as linux/arm64")
            }
            if !parsed.contains(platform) { parsed.append(platform) }
        }
        return .some(parsed)
    }
}

extension PlanDocument.Image {
    fileprivate init(_ plan: PullPlan, writtenAs reference: String) {
        let state: PlanDocument.State =
            switch plan.holding {
            case .cached: .cached
            case .partly: .partly
            case .absent: .absent
            case .unknown: .unknown
            }
        self.init(reference: reference, state: state)
        rule = plan.repository.rule.description
        repository = plan.repository.name.description
        digest = plan.digest?.description
        pulls = plan.pulls
        arePullsExact = plan.arePullsExact
        missingBytes = plan.missingBytes
        storedBytes = plan.storedBytes
        areBytesKnown = plan.areBytesKnown
        if plan.holding == .unknown {
            problem = "the upstream has no such image"
        } else if !plan.absentPlatforms.isEmpty {
            problem = "\(WarmingError.platformsAbsent(plan.absentPlatforms))"
        }
    }
}

extension WarmDocument {
    fileprivate mutating func note(_ progress: WarmingProgress) {
        pulls = progress.pulls
        totalBytes = progress.totalBytes
        presentBytes = progress.presentBytes
        fetchedBytes = progress.fetchedBytes
        blobCount = progress.blobCount
        presentBlobCount = progress.presentBlobCount
    }

    fileprivate mutating func put(off wait: SpentRules.Wait) {
        state = .deferred
        problem = wait.reason
        retryAfterSeconds = wait.retryAfter?.wholeSeconds
    }
}
