package import CredentialSources
internal import Credentials
package import Logging

extension RenewingCredentials {
    /// Tokens of Amazon ECR, renewed before they run out.
    package static func amazon(
        _ configuration: AmazonConfiguration, environment: [String: String], client: CloudClient, logger: Logger
    ) -> RenewingCredentials {
        let tokens = ECRTokens(configuration, environment: environment, client: client)
        let place = configuration.registry == .ofAll ? "Amazon ECR Public" : "Amazon ECR in \(configuration.region)"
        return cloud(place, "ecr", client, logger) { () throws(CredentialError) in try await tokens.fetch() }
    }

    /// Tokens of Google, for Artifact Registry.
    package static func google(
        _ configuration: GoogleConfiguration, environment: [String: String], client: CloudClient, logger: Logger
    ) -> RenewingCredentials {
        let tokens = GoogleTokens(configuration, environment: environment, client: client)
        let place =
            switch configuration.identity {
            case .keyFile(let path): "Google, by the key in \(path)"
            case .metadata: "Google's metadata service"
            }
        return cloud(place, "gcp", client, logger) { () throws(CredentialError) in try await tokens.fetch() }
    }

    /// Refresh tokens of an Azure Container Registry.
    package static func azure(
        _ configuration: AzureConfiguration, environment: [String: String], client: CloudClient, logger: Logger
    ) -> RenewingCredentials {
        let tokens = AzureTokens(configuration, environment: environment, client: client)
        return cloud("Azure, for \(configuration.registry)", "azure", client, logger) {
            () throws(CredentialError) in try await tokens.fetch()
        }
    }

    private static func cloud(
        _ origin: String, _ kind: String, _ client: CloudClient, _ logger: Logger, _ fetch: @escaping Fetch
    ) -> RenewingCredentials {
        RenewingCredentials(
            origin: origin, clock: client.clock, journal: CredentialJournal(kind: kind, logger: logger), fetch: fetch)
    }
}
