internal import CloudCredentials
internal import CredentialSources
internal import OCI

/// Makes the plan of an account that is had from elsewhere, and says what is wrong with it.
struct CredentialAssembly {
    private(set) var plan: CredentialPlan?
    private(set) var problems: [ConfigurationProblem] = []

    private let registry: RegistryHost
    private let usesTLS: Bool

    /// - Parameters:
    ///   - written: where a name or a secret is written beside it.
    ///   - address: the rule's registry.
    init(_ settings: CredentialSettings, beside written: ConfigurationProblem.Place?, address: RegistryAddress) {
        registry = address.host
        usesTLS = address.usesTLS
        let server = DockerServer(host: registry.description)
        var plans: [(place: ConfigurationProblem.Place, plan: CredentialPlan?)] = []
        if let path = settings.dockerConfig {
            let isOwn = path.value == CredentialSettings.dockersOwn
            plans.append((path.place, .dockerConfiguration(path: isOwn ? nil : path.value, server: server)))
        }
        if let name = settings.credentialHelper {
            plans.append((name.place, .helper(name: name.value, server: server)))
        }
        if let ecr = settings.ecr { plans.append((ecr.place, amazon(ecr))) }
        if let gcp = settings.gcp { plans.append((gcp.place, google(gcp))) }
        if let azure = settings.azure { plans.append((azure.place, azurePlan(azure))) }
        for extra in plans.dropFirst() {
            report("an account comes from one place; remove this, or the other", at: extra.place)
        }
        if let first = plans.first, written != nil {
            report("an account that comes from elsewhere has no name or secret written beside it", at: first.place)
        }
        plan = plans.first?.plan
    }

    private mutating func report(_ message: String, at place: ConfigurationProblem.Place) {
        problems.append(ConfigurationProblem(message, at: place))
    }

    private mutating func amazon(_ settings: Located<AmazonSettings>) -> CredentialPlan? {
        let value = settings.value
        let known = AmazonConfiguration.registry(of: registry.description)
        guard let found = value.region.map({ AmazonConfiguration.Registry.ofAccount(region: $0) }) ?? known else {
            report("'\(registry)' does not say its region; add 'region'", at: settings.place)
            return nil
        }
        return .amazon(
            AmazonConfiguration(
                registry: known == .ofAll ? .ofAll : found, keys: .init(rawValue: value.keys) ?? .automatic,
                profile: value.profile, endpoint: value.endpoint))
    }

    private mutating func google(_ settings: Located<GoogleSettings>) -> CredentialPlan? {
        let value = settings.value
        switch (value.keyFile, value.metadata) {
        case (let path?, false): return .google(GoogleConfiguration(.keyFile(path: path)))
        case (nil, true): return .google(GoogleConfiguration(.metadata(account: value.serviceAccount)))
        default:
            report("'gcp' needs either 'keyFile: PATH' or 'metadata: true'", at: settings.place)
            return nil
        }
    }

    private mutating func azurePlan(_ settings: Located<AzureSettings>) -> CredentialPlan? {
        let value = settings.value
        let identity: AzureConfiguration.Identity
        switch value.identity {
        case "managed": identity = .managed(client: value.client)
        case "workload": identity = .workload
        case "service-principal", nil:
            guard let tenant = value.tenant, let client = value.client, let secret = value.clientSecret else {
                report(
                    "'azure' needs 'tenant', 'client' and 'clientSecret', or 'identity: managed' or 'workload'",
                    at: settings.place)
                return nil
            }
            identity = .servicePrincipal(tenant: tenant, client: client, secret: secret.template)
        default: return nil
        }
        return .azure(
            AzureConfiguration(
                identity, registry: registry.description, registryEndpoint: usesTLS ? nil : "http://\(registry)"))
    }
}
