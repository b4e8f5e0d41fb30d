import KubernetesClient
import KubernetesTestKit
import RegistryTestKit
import Testing

/// What a follower told, kept as a store would keep it.
private struct Told: Sendable {
    var names: Set<String> = []
    var listing: Set<String>?
    var lists = 0
    var heard = 0
    var failures = 0

    mutating func take(_ event: FollowEvent<JSONTree>) {
        let name = { (item: JSONTree) in item.at("metadata", "name")?.string ?? "" }
        switch event {
        case .listing: listing = []
        case .page(let items): for item in items { listing?.insert(name(item)) }
        case .listed:
            names = listing ?? []
            listing = nil
            lists += 1
        case .changed(let item): names.insert(name(item))
        case .removed(let item): names.remove(name(item))
        case .heard: heard += 1
        case .failing: failures += 1
        }
    }
}

@Suite struct FollowingTests {
    private func pod(_ name: String) -> ObjectAddress { ObjectAddress(.pods, namespace: "n", name: name) }

    /// Follows pods while `body` runs.
    private func following(
        _ server: TestAPIServer, limits: KubernetesClient.Limits = .init(), fieldSelector: String? = nil,
        watchTimeout: Duration = .seconds(60), _ body: (Watched<Told>) async throws -> Void
    ) async throws {
        let told = Watched(Told())
        try await withClient(server.connection(), limits: limits) { client async throws in
            let follower = ResourceFollower(
                client, .pods, of: JSONTree.self, fieldSelector: fieldSelector, pageLimit: 2,
                watchTimeout: watchTimeout, watchGrace: .milliseconds(200))
            let task = Task { await follower.run { event in told.update { $0.take(event) } } }
            defer { task.cancel() }
            try await body(told)
            task.cancel()
            await task.value
        }
    }

    @Test(arguments: [nil, 1, 5] as [Int?])
    func `a list and then every change are told, however the stream is split`(_ size: Int?) async throws {
        try await TestAPIServer.withRunning { server async throws in
            for name in ["a", "b", "c"] { server.put([:], at: pod(name)) }
            server.splitWatches(into: size)
            try await following(server) { told async throws in
                try await told.wait(for: "the list") { $0.names == ["a", "b", "c"] }
                try await server.waitForWatches(.pods)
                server.put([:], at: pod("d"))
                server.remove(pod("a"))
                server.put(["x": "ü\n\u{1F600}"], at: pod("b"))
                try await told.wait(for: "the changes") { $0.names == ["b", "c", "d"] }
                #expect(server.requests("list", .pods).count == 2)
            }
        }
    }

    @Test
    func `a watch that is cut goes on where it was, without a list`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            server.put([:], at: pod("a"))
            try await following(server) { told async throws in
                try await server.waitForWatches(.pods)
                server.put([:], at: pod("b"))
                try await told.wait(for: "b") { $0.names == ["a", "b"] }
                server.cutWatches()
                server.put([:], at: pod("c"))
                try await told.wait(for: "c") { $0.names == ["a", "b", "c"] }
                #expect(told.value.lists == 1)
                let versions = server.requests("watch", .pods).map { $0.query["resourceVersion"] }
                #expect(versions.first == "1001")
                #expect(versions.last == "1002")
            }
        }
    }

    @Test
    func `bookmarks move the version on, so that compaction of what is not ours needs no list`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            server.put([:], at: pod("a"))
            try await following(server) { told async throws in
                try await server.waitForWatches(.pods)
                let before = told.value.heard
                server.skipVersions(500)
                server.sendBookmarks()
                try await told.wait(for: "the bookmark") { $0.heard > before }
                server.compact()
                server.cutWatches()
                server.put([:], at: pod("b"))
                try await told.wait(for: "b") { $0.names == ["a", "b"] }
                #expect(told.value.lists == 1)
            }
        }
    }

    @Test
    func `a version that the server forgot leads to a new list, which tells what is gone`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            for name in ["a", "b", "c"] { server.put([:], at: pod(name)) }
            try await following(server) { told async throws in
                try await server.waitForWatches(.pods)
                await server.goDown()
                server.remove(pod("a"))
                server.put([:], at: pod("d"))
                server.compact()
                try await server.resume()
                try await told.wait(for: "the new state") { $0.names == ["b", "c", "d"] }
                #expect(told.value.lists == 2)
                #expect(told.value.failures > 0)
            }
        }
    }

    @Test
    func `a list whose token expires is begun anew`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            for name in ["a", "b", "c"] { server.put([:], at: pod(name)) }
            server.refuse(.init(APIStatus(500, "InternalError", "no"), verb: "watch", count: 1))
            server.refuse(.init(APIStatus(410, "Expired", "token"), verb: "list", count: 1))
            try await following(server) { told async throws in
                try await told.wait(for: "the list") { $0.names == ["a", "b", "c"] }
                try await server.waitForWatches(.pods)
                #expect(told.value.failures >= 1)
            }
        }
    }

    @Test
    func `a watch that stalls is given up, and nothing is lost`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            server.put([:], at: pod("a"))
            server.stallWatches(true)
            try await following(server, watchTimeout: .seconds(1)) { told async throws in
                try await server.waitForWatches(.pods)
                server.put([:], at: pod("b"))
                try await told.wait(for: "the failure") { $0.failures > 0 }
                #expect(told.value.names == ["a"])
                server.stallWatches(false)
                try await told.wait(for: "b") { $0.names == ["a", "b"] }
                #expect(told.value.lists == 1)
            }
        }
    }

    @Test
    func `a watch that its server ends in order goes on at once`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            server.put([:], at: pod("a"))
            try await following(server, watchTimeout: .seconds(1)) { told async throws in
                try await server.waitForWatches(.pods)
                // The server ends each watch after the second that it was asked for.
                try await server.waitForRequests("watch", .pods, count: 2)
                #expect(told.value.lists == 1)
                #expect(server.requests("watch", .pods).allSatisfy { $0.query["timeoutSeconds"] == "1" })
            }
        }
    }

    @Test(arguments: [
        "not json\n", "{}\n", #"{"type":"ADDED","object":{}}"# + "\n", #"{"type":"ERROR","object":null}"# + "\n",
        String(repeating: "x", count: 4096) + "\n",
    ])
    func `a line that makes no sense ends the watch, and nothing is lost`(_ line: String) async throws {
        try await TestAPIServer.withRunning { server async throws in
            server.put([:], at: pod("a"))
            try await following(server, limits: .init(lineBytes: 2048)) { told async throws in
                try await server.waitForWatches(.pods)
                server.sendRaw(line)
                try await told.wait(for: "the failure") { $0.failures > 0 }
                server.put([:], at: pod("b"))
                try await told.wait(for: "b") { $0.names == ["a", "b"] }
            }
        }
    }

    @Test
    func `what leaves a selector is told as removed`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            server.put(["status": ["phase": "Running"]], at: pod("a"))
            server.put(["status": ["phase": "Succeeded"]], at: pod("b"))
            try await following(server, fieldSelector: "status.phase!=Succeeded") { told async throws in
                try await told.wait(for: "the list") { $0.names == ["a"] }
                try await server.waitForWatches(.pods)
                server.put(["status": ["phase": "Succeeded"]], at: pod("a"))
                try await told.wait(for: "a to leave") { $0.names.isEmpty && $0.lists == 1 }
            }
        }
    }
}
