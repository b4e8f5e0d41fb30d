internal import CredentialSources
internal import Credentials
internal import OCI
internal import Quota
internal import QuotaGovernor
internal import UpstreamClient

/// What is wrong with a rule's accounts, gathered while they are read.
struct AccountAssembly {
    private(set) var accounts: [AccountConfiguration] = []
    private(set) var problems: [ConfigurationProblem] = []

    private let registry: RegistryAddress?

    init(_ rule: RuleSettings) {
        registry = rule.registry?.value
        if let place = rule.account.place {
            if rule.accounts.isEmpty {
                add(.single, rule.account)
            } else {
                report("an account stands beside 'accounts'; give it a name and put it among them", at: place)
            }
        }
        for entry in rule.accounts {
            if entry.value.place == nil {
                report(
                    "the account '\(entry.key.value)' is empty; add 'username' and 'accessToken'", at: entry.key.place)
            }
            add(entry.key.value, entry.value)
        }
    }

    private mutating func report(_ message: String, at place: ConfigurationProblem.Place) {
        problems.append(ConfigurationProblem(message, at: place, severity: .error))
    }

    private mutating func add(_ name: AccountName, _ settings: AccountSettings) {
        if settings.elsewhere.place != nil, let registry {
            let assembly = CredentialAssembly(settings.elsewhere, beside: settings.writtenPlace, address: registry)
            problems += assembly.problems
            if let plan = assembly.plan { accounts.append(AccountConfiguration(name, .planned(plan))) }
            return
        }
        guard let credentials = credentials(settings) else { return }
        accounts.append(AccountConfiguration(name, settings.followed(credentials)))
    }

    private mutating func credentials(_ settings: AccountSettings) -> AccountCredentials? {
        if let password = settings.password, settings.accessToken != nil {
            report("'password' and 'accessToken' are the same; remove one of the two", at: password.place)
        }
        let secret = settings.accessToken ?? settings.password
        if let token = settings.identityToken {
            if let other = settings.username?.place ?? secret?.place {
                report("'identityToken' stands alone; remove it, or 'username' and 'accessToken'", at: other)
            }
            return token.value.map { .refreshToken($0.reveal()) }
        }
        switch (settings.username, secret) {
        case (nil, nil): break
        case (let username?, let secret?):
            if let name = username.value, name.text.contains(":") {
                report("a user name has no ':'", at: username.place)
            }
            // One of them that could not be read is no missing one: its reader has told what is wrong.
            guard let name = username.value, let password = secret.value else { return nil }
            return .basic(username: name.text, password: password.reveal())
        case (let username?, nil):
            report("'username' needs 'accessToken' beside it; add it, or remove 'username'", at: username.place)
        case (nil, let secret?):
            report("'accessToken' needs 'username' beside it; add it, or remove the token", at: secret.place)
        }
        return nil
    }
}

extension AccountSettings {
    /// Where anything of it stands.
    var place: ConfigurationProblem.Place? { writtenPlace ?? elsewhere.place }

    /// Where a name or a secret is written.
    var writtenPlace: ConfigurationProblem.Place? {
        username?.place ?? accessToken?.place ?? password?.place ?? identityToken?.place
    }
}

extension RuleSettings {
    /// How the rule's upstream is asked, by `client`.
    func governor(
        _ client: UpstreamClient.Configuration, hasAccounts: Bool, isDockerHub: Bool
    ) -> QuotaGovernor.Configuration {
        let probed: QuotaGovernor.Probe?
        switch probe {
        case .automatic: probed = isDockerHub ? .dockerHub : nil
        case .off: probed = nil
        case .image(let repository, let reference):
            probed = QuotaGovernor.Probe(repository: repository, reference: reference)
        }
        return QuotaGovernor.Configuration(
            client: client, allowsAnonymous: anonymous.map { $0.value == .allowed } ?? !hasAccounts,
            egress: egress.map { Egress($0.value) }, policy: QuotaPolicy(reserve: reserve),
            leadsToUpstream: fail == .open, probe: probed)
    }
}

extension QuotaGovernor.Probe {
    /// The image that Docker Hub has for this. Docker's documentation, "Docker Hub pull usage and limits".
    static var dockerHub: QuotaGovernor.Probe? {
        guard let repository = try? RepositoryName("ratelimitpreview/test"), let tag = try? Tag("latest") else {
            return nil
        }
        return QuotaGovernor.Probe(repository: repository, reference: .tag(tag))
    }
}

extension AccountSettings {
    /// Follows the files that the name or the secret stand in, where there are any.
    func followed(_ credentials: AccountCredentials) -> CredentialsOrigin {
        guard let secret = (identityToken ?? accessToken ?? password)?.value?.template else {
            return .fixed(credentials)
        }
        let form: TemplateCredentials.Form
        switch credentials {
        case .anonymous: return .fixed(credentials)
        case .basic(let name, _):
            form = .basic(username: username?.value?.template ?? SecretTemplate(name), password: secret)
        case .refreshToken: form = .refreshToken(secret)
        }
        return form.files.isEmpty ? .fixed(credentials) : .planned(.written(form))
    }
}

extension CredentialSettings {
    /// Where anything of it stands.
    var place: ConfigurationProblem.Place? {
        dockerConfig?.place ?? credentialHelper?.place ?? ecr?.place ?? gcp?.place ?? azure?.place
    }
}
