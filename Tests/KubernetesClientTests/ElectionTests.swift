import KubernetesTestKit
import RegistryTestKit
import Testing

@testable import KubernetesClient

@Suite struct ElectionStateTests {
    private static let timing = ElectionState.Timing(
        leaseDuration: .seconds(30), renewDeadline: .seconds(15), retryInterval: .seconds(3))

    private func other(_ renewTime: String = "then", seconds: Int64 = 30) -> ElectionRecord {
        ElectionRecord(holder: "other", durationSeconds: seconds, renewTime: renewTime, transitions: 4)
    }

    @Test
    func `where there is no lease, or nobody holds it, it is taken`() {
        var state = ElectionState(identity: "me", timing: Self.timing)
        let mine = ElectionRecord(
            holder: "me", durationSeconds: 30, renewTime: "now", acquireTime: "now", transitions: 0)
        #expect(state.action(on: nil, now: .zero, wallTime: "now") == .create(mine))
        state.took(mine, start: .zero)
        #expect(state.isLeading(at: .seconds(14)))
        #expect(!state.isLeading(at: .seconds(15)))
        var free = other()
        free.holder = nil
        var expected = mine
        expected.transitions = 5
        var second = ElectionState(identity: "me", timing: Self.timing)
        #expect(second.action(on: free, now: .zero, wallTime: "now") == .update(expected))
    }

    @Test
    func `another's lease is over when it was seen unchanged for its duration, whatever its times say`() {
        var state = ElectionState(identity: "me", timing: Self.timing)
        // Renewed, as it says, in another century: only what is observed counts.
        let record = other("1999-01-01T00:00:00.000000Z")
        #expect(state.action(on: record, now: .seconds(100), wallTime: "now") == .wait)
        #expect(state.action(on: record, now: .seconds(129), wallTime: "now") == .wait)
        #expect(state.action(on: other("2"), now: .seconds(130), wallTime: "now") == .wait)
        #expect(state.action(on: other("2"), now: .seconds(159), wallTime: "now") == .wait)
        guard case .update(let taken) = state.action(on: other("2"), now: .seconds(160), wallTime: "now") else {
            Issue.record("the lease was not taken")
            return
        }
        #expect(taken.holder == "me" && taken.transitions == 5)
    }

    @Test
    func `a leader renews, and one whose lease another has leads no more`() {
        var state = ElectionState(identity: "me", timing: Self.timing)
        var mine = ElectionRecord(holder: "me", durationSeconds: 30, renewTime: "a", acquireTime: "a", transitions: 1)
        state.took(mine, start: .zero)
        mine.renewTime = "b"
        var seen = mine
        seen.renewTime = "a"
        #expect(state.action(on: seen, now: .seconds(3), wallTime: "b") == .update(mine))
        state.took(mine, start: .seconds(3))
        #expect(state.isLeading(at: .seconds(17)))
        #expect(state.action(on: other(), now: .seconds(6), wallTime: "c") == .wait)
        #expect(!state.isLeading(at: .seconds(6)))
        #expect(state.release(wallTime: "d") == nil)
    }

    @Test
    func `a lease is given back without a holder`() {
        var state = ElectionState(identity: "me", timing: Self.timing)
        #expect(state.release(wallTime: "x") == nil)
        state.took(ElectionRecord(holder: "me", durationSeconds: 30, transitions: 2), start: .zero)
        let released = state.release(wallTime: "x")
        #expect(released == ElectionRecord(holder: nil, durationSeconds: 1, renewTime: "x", transitions: 2))
        #expect(released?.specification["holderIdentity"] == nil)
    }

    @Test(arguments: ["{}", #"{"spec":null}"#, #"{"spec":{"leaseDurationSeconds":-5,"leaseTransitions":99999999999}}"#])
    func `a lease that makes no sense is one that nobody holds`(_ text: String) throws {
        let record = ElectionRecord(try JSONTree(parsing: text.utf8))
        #expect(record.holder == nil)
        #expect((1...3600).contains(record.durationSeconds))
        #expect(record.transitions < Int64(Int32.max))
    }
}

@Suite struct LeaderElectorTests {
    private let lease = ObjectAddress(.leases, namespace: "weir", name: "l")
    private static let timing = ElectionState.Timing(
        leaseDuration: .seconds(30), renewDeadline: .seconds(15), retryInterval: .milliseconds(20))

    private func elector(_ client: KubernetesClient, _ identity: String) -> LeaderElector {
        LeaderElector(client, namespace: "weir", name: "l", identity: identity, timing: Self.timing)
    }

    @Test
    func `one of two leads, and the other as soon as the first gives the lease back`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            let leaders = Watched<[String]>([])
            try await withClient(server.connection(), pauses: nil) { client async throws in
                let run = { (identity: String) in
                    Task {
                        await elector(client, identity).run {
                            leaders.update { $0.append("+\(identity)") }
                            try? await Task.sleep(for: .seconds(60))
                            leaders.update { $0.append("-\(identity)") }
                        }
                    }
                }
                let first = run("a")
                try await leaders.wait(for: "a leader") { $0 == ["+a"] }
                let second = run("b")
                try await server.waitForRequests("update", .leases, count: 2)
                #expect(leaders.value == ["+a"])
                first.cancel()
                await first.value
                try await leaders.wait(for: "the next leader") { $0 == ["+a", "-a", "+b"] }
                let spec = server[lease]?["spec"]
                #expect(spec?["holderIdentity"]?.string == "b")
                #expect(spec?["leaseTransitions"]?.integer == 1)
                second.cancel()
                await second.value
                #expect(server[lease]?.at("spec", "holderIdentity") == nil)
                #expect(server.log.allSatisfy { $0.status < 400 || $0.status == 404 || $0.status == 409 })
            }
        }
    }

    @Test
    func `a leader whose lease was taken stops`() async throws {
        try await TestAPIServer.withRunning { server async throws in
            let leaders = Watched<[String]>([])
            try await withClient(server.connection(), pauses: nil) { client async throws in
                let task = Task {
                    await elector(client, "a").run {
                        leaders.update { $0.append("+") }
                        try? await Task.sleep(for: .seconds(60))
                        leaders.update { $0.append("-") }
                    }
                }
                try await leaders.wait(for: "a leader") { $0 == ["+"] }
                server.put(
                    ["spec": ["holderIdentity": "thief", "leaseDurationSeconds": 3600]], at: lease)
                try await leaders.wait(for: "the end") { $0 == ["+", "-"] }
                task.cancel()
                await task.value
                #expect(server[lease]?.at("spec", "holderIdentity") == "thief")
            }
        }
    }
}
