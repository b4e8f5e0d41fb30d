package import Credentials
package import Quota
package import QuotaGovernor

/// A rule's way to its upstream, as configured.
package struct RuleUpstream: Sendable, Hashable {
    package var governor: QuotaGovernor.Configuration
    /// In their order; none: anonymous alone.
    package var accounts: [AccountConfiguration]

    package init(governor: QuotaGovernor.Configuration, accounts: [AccountConfiguration] = []) {
        self.governor = governor
        self.accounts = accounts
    }

    /// For people: `anonymous`, an account's name, or how many there are.
    package var accountText: String {
        switch accounts.count {
        case 0: "anonymous"
        case 1: accounts[0].credentials.kind
        default: "\(accounts.count) accounts"
        }
    }
}

/// An account, as configured. Where it is as it was, a reload keeps its tokens.
package struct AccountConfiguration: Sendable, Hashable {
    package var name: AccountName
    package var credentials: CredentialsOrigin

    package init(_ name: AccountName, _ credentials: CredentialsOrigin) {
        self.name = name
        self.credentials = credentials
    }
}

/// Where an account's credentials come from, as configured.
package enum CredentialsOrigin: Sendable, Hashable {
    /// Written in the configuration, or in what it refers to when it is read.
    case fixed(AccountCredentials)
    case planned(CredentialPlan)

    /// What gives them while the service runs.
    package func source(_ context: CredentialContext) -> any CredentialSource {
        switch self {
        case .fixed(let credentials): FixedCredentials(credentials)
        case .planned(let plan): plan.source(context)
        }
    }

    /// For people.
    package var kind: String {
        switch self {
        case .fixed(let credentials): credentials.description
        case .planned(let plan): plan.kind
        }
    }
}
