package import Credentials
package import OCI
package import Quota
package import UpstreamClient

extension QuotaGovernor {
    /// How one rule asks its upstream, apart from its accounts.
    package struct Configuration: Sendable, Hashable {
        package var client: UpstreamClient.Configuration
        /// Whether requests may go without an account: always where there is none, else only after every account.
        package var allowsAnonymous: Bool
        /// Where requests leave this machine, taking turns; empty: as the system has it.
        package var egress: [Egress]
        package var policy: QuotaPolicy
        /// Whether clients are led to the upstream itself while nothing is left, in place of being held.
        package var leadsToUpstream: Bool
        /// What is asked after, with HEAD, to hear of a budget that nobody spends; nil: nothing.
        package var probe: Probe?

        package init(
            client: UpstreamClient.Configuration, allowsAnonymous: Bool = true, egress: [Egress] = [],
            policy: QuotaPolicy = QuotaPolicy(), leadsToUpstream: Bool = false, probe: Probe? = nil
        ) {
            self.client = client
            self.allowsAnonymous = allowsAnonymous
            self.egress = egress
            self.policy = policy
            self.leadsToUpstream = leadsToUpstream
            self.probe = probe
        }
    }

    /// A manifest whose HEAD tells limits.
    package struct Probe: Sendable, Hashable {
        package var repository: RepositoryName
        package var reference: ManifestReference

        package init(repository: RepositoryName, reference: ManifestReference) {
            self.repository = repository
            self.reference = reference
        }
    }

    /// An account, by the name that the configuration gives it.
    package struct Account: Sendable {
        package var name: AccountName
        package var source: any CredentialSource
        /// Who it is, whatever the rule calls it; nil: nobody that another rule knows.
        package var identity: AccountIdentity?
        /// Its refused logins, where other rules have the same credentials; nil: its own.
        package var logins: LoginRecord?

        package init(
            _ name: AccountName, _ source: any CredentialSource, identity: AccountIdentity? = nil,
            logins: LoginRecord? = nil
        ) {
            self.name = name
            self.source = source
            self.identity = identity
            self.logins = logins
        }
    }

    /// What keeps an account from being used.
    package struct AccountProblem: Sendable, Hashable {
        package var account: AccountName
        /// Safe to show.
        package var reason: String
    }

    /// How an account stands. Holds no secret.
    package struct AccountReport: Sendable, Hashable {
        package var account: AccountName
        package var credentials: CredentialReport
    }

    /// What a probe of one pair found.
    package struct ProbeResult: Sendable, Hashable {
        package var pair: QuotaPair
        /// Nil: it answered.
        package var failure: String?
        package var toldLimits: Bool
    }
}
