internal import Credentials
internal import OCI
internal import QuotaGovernor
internal import UpstreamClient

/// What rules have in common that ask one registry: its budgets, and accounts that are the same whatever each rule
/// calls them.
struct SharedAccounts {
    private struct Registry: Hashable {
        var host: RegistryHost
        var usesTLS: Bool
    }

    /// Whom a registry counts.
    private enum Person: Hashable {
        /// By whichever of its tokens.
        case user(String)
        case origin(CredentialsOrigin)

        init(_ origin: CredentialsOrigin) {
            if case .fixed(.basic(let username, _)) = origin { self = .user(username) } else { self = .origin(origin) }
        }
    }

    private struct Login: Hashable {
        var registry: Registry
        var origin: CredentialsOrigin
    }

    private var budgets: [Registry: SharedBudgets] = [:]
    private var identities: [Person: AccountIdentity] = [:]
    private var logins: [Login: LoginRecord] = [:]
    private var lastPlace = 0

    mutating func budgets(of client: UpstreamClient.Configuration) -> SharedBudgets {
        let registry = Registry(host: client.host, usesTLS: client.usesTLS)
        let shared = budgets[registry] ?? SharedBudgets()
        budgets[registry] = shared
        return shared
    }

    mutating func account(
        _ account: AccountConfiguration, _ source: any CredentialSource, at client: UpstreamClient.Configuration
    ) -> QuotaGovernor.Account {
        let registry = Registry(host: client.host, usesTLS: client.usesTLS)
        let login = Login(registry: registry, origin: account.credentials)
        let record = logins[login] ?? LoginRecord()
        logins[login] = record
        return QuotaGovernor.Account(
            account.name, source, identity: identity(of: Person(account.credentials)), logins: record)
    }

    private mutating func identity(of person: Person) -> AccountIdentity {
        if let identity = identities[person] { return identity }
        let identity = AccountIdentity(place: lastPlace)
        lastPlace += 1
        identities[person] = identity
        return identity
    }

    /// Forgets everything that none of `configurations` names, secrets with it.
    mutating func keep(_ configurations: some Collection<RuleUpstream>) {
        var registries: Set<Registry> = []
        var people: Set<Person> = []
        var origins: Set<CredentialsOrigin> = []
        for configuration in configurations {
            let client = configuration.governor.client
            registries.insert(Registry(host: client.host, usesTLS: client.usesTLS))
            for account in configuration.accounts {
                people.insert(Person(account.credentials))
                origins.insert(account.credentials)
            }
        }
        budgets = budgets.filter { registries.contains($0.key) }
        identities = identities.filter { people.contains($0.key) }
        logins = logins.filter { registries.contains($0.key.registry) && origins.contains($0.key.origin) }
    }
}
