import Credentials
import OCI
import Quota
import QuotaGovernor
import Testing
import UpstreamClient

@testable import Commands

/// Which rules spend one budget, as configured.
@Suite struct SharedAccountsTests {
    private func client(_ host: String, usesTLS: Bool = true) throws -> UpstreamClient.Configuration {
        UpstreamClient.Configuration(name: "rule", usesTLS: usesTLS, host: try RegistryHost(host))
    }

    private func account(_ name: String, _ username: String, _ password: String = "secret") -> AccountConfiguration {
        AccountConfiguration(AccountName(name), .fixed(.basic(username: username, password: password)))
    }

    private func made(
        _ shared: inout SharedAccounts, _ account: AccountConfiguration, at host: String = "registry-1.docker.io"
    ) throws -> QuotaGovernor.Account {
        shared.account(account, FixedCredentials(.anonymous), at: try client(host))
    }

    @Test func `a user is one account, by whichever name and token`() throws {
        var shared = SharedAccounts()
        let first = try made(&shared, account("ours", "alice"))
        let second = try made(&shared, account("theirs", "alice", "another token"))
        let other = try made(&shared, account("ours", "bob"))
        #expect(first.identity != nil && first.identity == second.identity)
        #expect(first.identity != other.identity)
        #expect(other.identity != .anonymous)
        // A token that is refused says nothing of the other.
        #expect(first.logins !== second.logins)
        let third = try made(&shared, account("third", "alice"))
        #expect(third.logins === first.logins)
        let elsewhere = try made(&shared, account("third", "alice"), at: "ghcr.io")
        #expect(elsewhere.logins !== first.logins)
    }

    @Test func `rules of one host share budgets, and of another they do not`() throws {
        var shared = SharedAccounts()
        let hub = shared.budgets(of: try client("registry-1.docker.io"))
        let again = shared.budgets(of: try client("registry-1.docker.io"))
        let other = shared.budgets(of: try client("ghcr.io"))
        let plain = shared.budgets(of: try client("registry-1.docker.io", usesTLS: false))
        #expect(again === hub)
        #expect(other !== hub && plain !== hub)
    }

    @Test func `what no rule names any more is forgotten, and the rest stays`() throws {
        var shared = SharedAccounts()
        let hub = try client("registry-1.docker.io")
        let budgets = shared.budgets(of: hub)
        let (alice, bob) = (account("alice", "alice"), account("bob", "bob"))
        let before = (try made(&shared, alice), try made(&shared, bob))
        shared.keep([RuleUpstream(governor: QuotaGovernor.Configuration(client: hub), accounts: [alice])])
        let kept = shared.budgets(of: hub)
        #expect(kept === budgets)
        let after = (try made(&shared, alice), try made(&shared, bob))
        #expect(after.0.logins === before.0.logins && after.0.identity == before.0.identity)
        #expect(after.1.logins !== before.1.logins)
        shared.keep([RuleUpstream]())
        let new = shared.budgets(of: hub)
        #expect(new !== budgets)
    }
}
