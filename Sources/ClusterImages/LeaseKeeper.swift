package import Logging
package import MetadataStore
internal import OCI
internal import Rules
package import Timekeeping

/// Keeps the catalogue's leases equal to the images in use.
package struct LeaseKeeper: Sendable {
    /// Written in one transaction.
    private static let batch = 1000

    private let follower: ImageFollower
    private let metadata: any MetadataStore
    private let holder: String
    private let grace: Duration
    private let resolver: @Sendable () -> RunningImageResolver
    private let clock: any WallClock
    private let sleep: KubernetesSleep
    private let logger: Logger

    package typealias KubernetesSleep = @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - holder: names the cluster among others that lease from the same catalogue.
    ///   - grace: how long images stay leased after the cluster was last heard of.
    ///   - resolver: asked at each renewal, since rules are reloaded.
    package init(
        follower: ImageFollower, metadata: any MetadataStore, holder: String, grace: Duration,
        resolver: @escaping @Sendable () -> RunningImageResolver, clock: any WallClock,
        sleep: @escaping KubernetesSleep = { try await Task.sleep(for: $0) }, logger: Logger
    ) {
        self.follower = follower
        self.metadata = metadata
        self.holder = holder
        self.grace = grace
        self.resolver = resolver
        self.clock = clock
        self.sleep = sleep
        self.logger = logger
    }

    /// Renews leases until cancelled. They are left in place at the end: a restart is no reason to evict.
    package func run() async {
        var schedule = LeaseSchedule(grace: grace)
        while !Task.isCancelled {
            await step(&schedule)
            do { try await sleep(.seconds(1)) } catch { return }
        }
    }

    func step(_ schedule: inout LeaseSchedule) async {
        let contact = follower.contact
        let action = schedule.action(
            at: clock.now(), changes: follower.changeCount, lastHeard: contact.lastHeard,
            isComplete: contact.isComplete, isInContact: contact.problem == nil)
        guard case .renew(let expiry) = action else { return }
        do throws(MetadataStoreError) {
            try await renew(until: expiry)
        } catch {
            schedule.failed()
            logger.error("leases of images in use cannot be written", metadata: ["reason": "\(error)"])
        }
    }

    private func renew(until expiry: Timestamp) async throws(MetadataStoreError) {
        let resolver = resolver()
        var wanted: Set<PinRecord> = []
        for use in follower.uses.uses {
            guard let image = try? resolver.resolve(use) else { continue }
            for reference in image.references {
                wanted.insert(PinRecord(repository: image.repository, reference: reference))
            }
        }
        var rest = Array(wanted)[...]
        while !rest.isEmpty {
            try await metadata.putLeases(Array(rest.prefix(Self.batch)), holder: holder, until: expiry)
            rest = rest.dropFirst(Self.batch)
        }
        // Only once all of them are renewed: what is left has an earlier end, and is used no more.
        try await metadata.removeLeases(of: holder, endingBefore: expiry)
    }
}
