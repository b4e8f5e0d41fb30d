import OCI
import Rules
import Testing
import Timekeeping

@testable import ClusterImages

@Suite struct RunningImageTests {
    static let digest = "sha256:" + String(repeating: "ab", count: 32)

    static func table() throws -> RuleTable {
        RuleTable(
            [
                Rule(
                    name: try RuleName("hub"), prefix: "hub", host: .dockerHub, registry: .dockerHub,
                    completesLibrary: true),
                Rule(
                    name: try RuleName("ghcr"), prefix: "gh", host: try RegistryHost("ghcr.io"),
                    virtualHosts: [try RegistryHost("gh.weir.test")]),
            ], defaultRule: try RuleName("hub"))
    }

    private func resolve(_ image: String, imageID: String = "") throws -> String {
        let resolver = RunningImageResolver(
            table: try Self.table(), addresses: [try RegistryHost("weir.test:5000")])
        do throws(RunningImage.Stranger) {
            let image = try resolver.resolve(.init(image: image, imageID: imageID))
            return "\(image.repository) " + image.references.map(\.description).joined(separator: " ")
        } catch {
            return error == .malformed ? "malformed" : "no rule"
        }
    }

    @Test(arguments: [
        ("nginx", "hub/library/nginx latest"),
        ("docker.io/team/app:1", "hub/team/app 1"),
        ("ghcr.io/a/b:1@\(digest)", "ghcr/a/b \(digest)"),
        ("weir.test:5000/docker.io/library/nginx:1", "hub/library/nginx 1"),
        ("weir.test:5000/hub/nginx:1", "hub/library/nginx 1"),
        ("weir.test:5000/ghcr.io/a/b:1", "ghcr/a/b 1"),
        ("weir.test:5000/nginx", "hub/library/nginx latest"),
        ("gh.weir.test/a/b", "ghcr/a/b latest"),
        ("gh.weir.test:5000/a/b", "ghcr/a/b latest"),
        ("quay.io/a/b", "no rule"), ("weir.test:5000/quay.io/a", "no rule"), ("Bad/Name", "malformed"),
        ("", "malformed"),
    ])
    func `images lead to the rule and repository that a pull leads to`(_ image: String, _ expected: String) throws {
        #expect(try resolve(image) == expected)
    }

    @Test(arguments: [
        ("docker.io/library/nginx@\(digest)", "hub/library/nginx 1 \(digest)"),
        ("docker-pullable://nginx@\(digest)", "hub/library/nginx 1 \(digest)"),
        ("weir.test:5000/hub/nginx@\(digest)", "hub/library/nginx 1 \(digest)"),
        (digest, "hub/library/nginx 1"), ("docker://\(digest)", "hub/library/nginx 1"),
        ("nginx@sha256:12", "hub/library/nginx 1"),
        ("", "hub/library/nginx 1"),
    ])
    func `what runs is kept beside what was asked for`(_ imageID: String, _ expected: String) throws {
        #expect(try resolve("nginx:1", imageID: imageID) == expected)
    }
}

@Suite struct LeaseScheduleTests {
    private let start = Timestamp(seconds: 1_700_000_000)

    @Test
    func `leases are renewed after changes, and often enough without any`() {
        var schedule = LeaseSchedule(grace: .seconds(80))
        func action(_ second: Int64, changes: Int) -> LeaseSchedule.Action {
            let now = start + .seconds(second)
            return schedule.action(at: now, changes: changes, lastHeard: now, isComplete: true, isInContact: true)
        }
        #expect(action(0, changes: 1) == .renew(until: start + .seconds(80)))
        #expect(action(1, changes: 2) == .nothing)
        #expect(action(5, changes: 2) == .renew(until: start + .seconds(85)))
        #expect(action(14, changes: 2) == .nothing)
        #expect(action(15, changes: 2) == .renew(until: start + .seconds(95)))
        schedule.failed()
        #expect(action(20, changes: 2) == .renew(until: start + .seconds(100)))
        #expect(action(-500, changes: 2) == .renew(until: start + .seconds(-420)))
    }

    @Test
    func `while the cluster is not heard, or not known whole, nothing is written`() {
        var schedule = LeaseSchedule(grace: .seconds(80))
        let now = start
        let actions = [
            schedule.action(at: now, changes: 1, lastHeard: nil, isComplete: true, isInContact: true),
            schedule.action(at: now, changes: 1, lastHeard: now, isComplete: false, isInContact: true),
            schedule.action(at: now, changes: 1, lastHeard: now, isComplete: true, isInContact: false),
        ]
        #expect(actions == [.nothing, .nothing, .nothing])
    }
}
