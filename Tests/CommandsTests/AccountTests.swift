import Credentials
import OCI
import Quota
import QuotaGovernor
import Rules
import Testing
import UpstreamClient

@testable import Commands

@Suite struct AccountTests {
    private func upstream(_ keys: String) throws -> RuleUpstream {
        let service = try Folder().load("rules:\n  a: { registry: docker.io, \(keys) }\n").service
        return try #require(service.upstreams[try RuleName("a")])
    }

    @Test func `accounts stand in their order, with the short form as one of its own`() throws {
        let many = try upstream("accounts: { b: {username: u, accessToken: t}, a: {identityToken: i} }")
        #expect(
            many.accounts == [
                AccountConfiguration(AccountName("b"), .fixed(.basic(username: "u", password: "t"))),
                AccountConfiguration(AccountName("a"), .fixed(.refreshToken("i"))),
            ])
        #expect(!many.governor.allowsAnonymous)
        let short = try upstream("username: u, password: t, anonymous: allowed")
        #expect(short.accounts.map(\.name) == [.single])
        #expect(short.governor.allowsAnonymous)
    }

    @Test func `what a rule says of its budget is taken as it is`() throws {
        let upstream = try upstream(
            "egress: [192.0.2.1, eth1], reserve: 25, fail: open, probe: 'library/alpine:3', freshness: {stretch: 9}")
        #expect(upstream.governor.egress == [.address("192.0.2.1"), .interface("eth1")])
        #expect(upstream.governor.policy.reserve == .pulls(25))
        #expect(upstream.governor.leadsToUpstream)
        #expect(upstream.governor.probe?.repository.description == "library/alpine")
        #expect(try self.upstream("reserve: 0%").governor.policy.reserve == .percent(0))
        #expect(try self.upstream("probe: off").governor.probe == nil)
        #expect(try self.upstream("attempts: 3").governor.probe?.repository.description == "ratelimitpreview/test")
    }

    @Test(arguments: [
        (
            "a: { registry: x.io, username: u, accessToken: t, accounts: { b: {username: v, accessToken: w} } }",
            "weir.yaml:2:30: an account stands beside 'accounts'; give it a name and put it among them"
        ),
        (
            "a: { registry: x.io, anonymous: never }",
            "weir.yaml:2:35: 'anonymous: never' leaves nobody to ask with; add an account, or remove it"
        ),
    ])
    func `accounts that cannot be meant are told`(_ rule: String, _ expected: String) throws {
        let problems = try Folder().problems("rules:\n  \(rule)\n")
        let message = expected.drop { $0 != " " }
        #expect(problems.count == 1 && problems.allSatisfy { $0.hasSuffix(message) }, "\(problems)")
    }

    @Test(arguments: ["anonymous", "", "a b", "ä"])
    func `names that cannot be told apart, or shown, are refused`(_ name: String) throws {
        let problems = try Folder().problems(
            "rules:\n  a: { registry: x.io, accounts: { '\(name)': {username: v, accessToken: w} } }\n")
        #expect(problems.count == 1)
    }
}
