import KubernetesClient
import KubernetesTestKit
import Logging
import MetadataStore
import OCI
import RegistryTestKit
import Rules
import SQLiteMetadataStore
import TestMachine
import Testing
import Timekeeping

@testable import ClusterImages

/// The whole way: pods at an API server, followed over HTTP, to leases in a catalogue.
@Suite struct LeaseKeeperTests {
    private static let digest = RunningImageTests.digest

    private func pod(_ name: String) -> ObjectAddress { ObjectAddress(.pods, namespace: "n", name: name) }

    private func document(_ image: String, imageID: String = "") -> JSONTree {
        [
            "spec": ["containers": [["name": "c", "image": .string(image)]], "nodeName": "one"],
            "status": [
                "phase": "Running", "containerStatuses": [["name": "c", "imageID": .string(imageID)]],
            ],
        ]
    }

    private struct World {
        let server: TestAPIServer
        let follower: ImageFollower
        let store: SQLiteMetadataStore
        let clock: ManualWallClock
        /// Counts what the follower was told.
        let told: Watched<Int>
        /// What failed is tried again when this lets it.
        let retries: Gate

        /// Leases as text, once `count` are there.
        func leases() async throws -> [String] {
            try await store.leases(in: nil).map { "\($0.repository) \($0.reference) \($0.holder)" }
        }

        /// Returns once the follower knows images by these names.
        func waitForImages(_ names: Set<String>) async throws {
            let follower = follower
            try await told.wait(for: "\(names)") { _ in Set(follower.entries.map(\.use.image)) == names }
        }
    }

    private func withWorld(_ body: (World, LeaseKeeper) async throws -> Void) async throws {
        try await withTemporaryFolder { folder async throws in try await withWorld(in: folder, body) }
    }

    private func withWorld(
        in folder: String, _ body: (World, LeaseKeeper) async throws -> Void
    ) async throws {
        var quiet = Logger(label: "test")
        quiet.logLevel = .critical
        let logger = quiet
        let clock = ManualWallClock()
        let store = try await SQLiteMetadataStore.open(path: "\(folder)/catalogue.sqlite", logger: logger)
        try await TestAPIServer.withRunning { server async throws in
            let (told, retries) = (Watched(0), Gate())
            let client = KubernetesClient(
                server.connection(), clock: clock, sleep: { _ in try await retries.pass() }, logger: logger)
            let follower = ImageFollower(
                client: client, namespace: nil, clock: clock, observe: { told.update { $0 += 1 } }, logger: logger)
            let table = try RunningImageTests.table()
            let keeper = LeaseKeeper(
                follower: follower, metadata: store, holder: "kubernetes", grace: .seconds(3600),
                resolver: { RunningImageResolver(table: table, addresses: []) }, clock: clock, logger: logger)
            let task = Task { await follower.run() }
            defer { task.cancel() }
            try await body(
                World(
                    server: server, follower: follower, store: store, clock: clock, told: told, retries: retries),
                keeper)
            task.cancel()
            await task.value
            await client.shutdown()
        }
        try await store.close()
    }

    @Test
    func `images in use are leased, those no longer used are released, and strangers are passed over`() async throws {
        try await withWorld { world, keeper async throws in
            world.server.put(document("nginx:1", imageID: "docker.io/library/nginx@\(Self.digest)"), at: pod("a"))
            world.server.put(document("ghcr.io/a/b:2"), at: pod("b"))
            world.server.put(document("quay.io/x/y:3"), at: pod("c"))
            var schedule = LeaseSchedule(grace: .seconds(3600))
            try await world.waitForImages(["nginx:1", "ghcr.io/a/b:2", "quay.io/x/y:3"])
            await keeper.step(&schedule)
            #expect(
                try await world.leases() == [
                    "ghcr/a/b 2 kubernetes", "hub/library/nginx 1 kubernetes",
                    "hub/library/nginx \(Self.digest) kubernetes",
                ])
            world.server.remove(pod("a"))
            try await world.waitForImages(["ghcr.io/a/b:2", "quay.io/x/y:3"])
            world.clock.advance(by: .seconds(5))
            await keeper.step(&schedule)
            #expect(try await world.leases() == ["ghcr/a/b 2 kubernetes"])
        }
    }

    @Test
    func `a server that is gone leaves leases to run for their grace`() async throws {
        try await withWorld { world, keeper async throws in
            world.server.put(document("nginx:1"), at: pod("a"))
            var schedule = LeaseSchedule(grace: .seconds(3600))
            try await world.waitForImages(["nginx:1"])
            await keeper.step(&schedule)
            let before = try await world.store.leases(in: nil)
            #expect(before.map(\.expiresAt) == [world.clock.now() + .seconds(3600)])
            await world.server.goDown()
            let follower = world.follower
            try await world.told.wait(for: "the failure to be known") { _ in follower.contact.problem != nil }
            world.clock.advance(by: .seconds(3599))
            await keeper.step(&schedule)
            #expect(try await world.store.leases(in: nil) == before)
            // Pods that went meanwhile are released only by a server that says so.
            world.server.remove(pod("a"))
            world.server.compact()
            try await world.server.resume()
            world.retries.open()
            try await world.waitForImages([])
            try await world.told.wait(for: "the server to be heard") { _ in follower.contact.problem == nil }
            await keeper.step(&schedule)
            #expect(try await world.store.leases(in: nil) == [])
        }
    }
}
