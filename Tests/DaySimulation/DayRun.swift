internal import OCI
package import RegistryTestKit
internal import Synchronization
package import Timekeeping

/// What came of a day, by the hour.
package struct DayOutcome: Sendable, Hashable {
    package struct Hour: Sendable, Hashable {
        package var pulls = 0
        /// Pulls that a client could not finish for a 429.
        package var refused = 0
        package var failed = 0
        /// Pulls that got what the tag names no longer.
        package var older = 0
        /// Manifest GETs that Docker Hub counted.
        package var counted = 0
        package var heads = 0
        /// 429s of Docker Hub.
        package var upstreamRefusals = 0
    }

    package var name: String
    package var hours = Array(repeating: Hour(), count: 24)
    /// The first failure that was no 429.
    package var firstFailure: String?

    package init(name: String) { self.name = name }

    package var total: Hour {
        hours.reduce(into: Hour()) { sum, hour in
            sum.pulls += hour.pulls
            sum.refused += hour.refused
            sum.failed += hour.failed
            sum.older += hour.older
            sum.counted += hour.counted
            sum.heads += hour.heads
            sum.upstreamRefusals += hour.upstreamRefusals
        }
    }
}

/// Lets a day pass: clients pull as dockerd and containerd do, while the clock is moved from moment to moment.
package struct DayRun: Sendable {
    let plan: DayPlan
    let contents: DayContents
    let hub: SimulatedHub
    let clock: ManualWallClock

    package init(contents: DayContents, hub: SimulatedHub, clock: ManualWallClock) {
        plan = contents.plan
        self.contents = contents
        self.hub = hub
        self.clock = clock
    }

    package func outcome(of system: any DaySystem, named name: String) async -> DayOutcome {
        contents.reset()
        var outcome = DayOutcome(name: name)
        let kept = Kept(clients: plan.size.clients)
        let begin = clock.now()
        var seen = hub.total
        for moment in plan.moments {
            clock.advance(by: begin + .milliseconds(moment.milliseconds) - clock.now())
            let hour = Int(min(23, moment.milliseconds / 3_600_000))
            switch moment.event {
            case .move(let image):
                contents.move(image)
                await system.moved(image)
            case .pulls(let pulls):
                let newest = Set(pulls.map(\.image)).reduce(into: Set<Digest>()) { digests, image in
                    digests.insert(contents.image(image).index.digest)
                }
                for answer in await perform(pulls, system, kept) { outcome.note(answer, newest: newest, hour: hour) }
            }
            await system.settle()
            let now = hub.total
            outcome.hours[hour].counted += now.pulls - seen.pulls
            outcome.hours[hour].heads += now.heads - seen.heads
            outcome.hours[hour].upstreamRefusals += now.refusedPulls - seen.refusedPulls
            seen = now
        }
        return outcome
    }

    private func perform(_ pulls: [DayPlan.Pull], _ system: any DaySystem, _ kept: Kept) async -> [DayAnswer] {
        await withTaskGroup(of: DayAnswer.self) { group in
            for pull in pulls { group.addTask { await self.perform(pull, system, kept) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// HEAD of the tag, then what it names, then the platform's own manifest; answers what the tag was said to name.
    /// Nodes ask for no more than the HEAD where they have that already.
    private func perform(_ pull: DayPlan.Pull, _ system: any DaySystem, _ kept: Kept) async -> DayAnswer {
        let resolved = await system.resolve(pull.image, client: pull.client)
        guard case .manifest(let index) = resolved else { return resolved }
        let keeps = pull.client >= plan.firstKeeper
        if keeps, kept.has(index, pull.client) { return resolved }
        let fetched = await system.fetch(index, of: pull.image, client: pull.client)
        guard case .manifest = fetched, let child = contents.child(of: index, image: pull.image) else { return fetched }
        let platform = await system.fetch(child, of: pull.image, client: pull.client)
        guard case .manifest = platform else { return platform }
        if keeps { kept.note(index, pull.client) }
        return resolved
    }
}

/// What the nodes have.
private final class Kept: Sendable {
    private let digests: Mutex<[Set<Digest>]>

    init(clients: Int) { digests = Mutex(Array(repeating: [], count: clients)) }

    func has(_ digest: Digest, _ client: Int) -> Bool { digests.withLock { $0[client].contains(digest) } }
    func note(_ digest: Digest, _ client: Int) { digests.withLock { _ = $0[client].insert(digest) } }
}

extension DayOutcome {
    /// - Parameter newest: what the tags that are pulled name at this moment.
    fileprivate mutating func note(_ answer: DayAnswer, newest: Set<Digest>, hour: Int) {
        hours[hour].pulls += 1
        switch answer {
        case .manifest(let index): if !newest.contains(index) { hours[hour].older += 1 }
        case .refused: hours[hour].refused += 1
        case .failed(let reason):
            hours[hour].failed += 1
            firstFailure = firstFailure ?? reason
        }
    }
}
