package import CloudCredentials
package import CredentialSources
package import Credentials
package import Logging
internal import Timekeeping

/// Where an account's credentials come from while the service runs. Equal where nothing of it changed, so that a reload
/// keeps what was obtained.
package enum CredentialPlan: Sendable, Hashable {
    /// Written, with files in it that are followed as they change.
    case written(TemplateCredentials.Form)
    /// Nil: Docker's own file.
    case dockerConfiguration(path: String?, server: DockerServer)
    case helper(name: String, server: DockerServer)
    case amazon(AmazonConfiguration)
    case google(GoogleConfiguration)
    case azure(AzureConfiguration)

    /// For people.
    package var kind: String {
        switch self {
        case .written: "a file"
        case .dockerConfiguration: "Docker's configuration"
        case .helper(let name, _): "docker-credential-\(name)"
        case .amazon: "Amazon ECR"
        case .google: "Google"
        case .azure: "Azure"
        }
    }

    /// What gives them. Contacts and reads nothing yet.
    package func source(_ context: CredentialContext) -> any CredentialSource {
        let (environment, clock, logger) = (context.environment, context.cloud.clock, context.logger)
        switch self {
        case .written(let form):
            return TemplateCredentials(
                form, clock: clock, journal: CredentialJournal(kind: "file", logger: logger))
        case .dockerConfiguration(let path, let server):
            guard let path = path ?? DockerConfigurationCredentials.standardPath(environment: environment) else {
                return MissingCredentials(reason: "neither DOCKER_CONFIG nor HOME is set", origin: kind)
            }
            return DockerConfigurationCredentials(
                path: path, server: server, environment: environment, clock: clock, logger: logger)
        case .helper(let name, let server):
            do throws(CredentialError) {
                return RenewingCredentials.helper(
                    try CredentialHelper(name: name, environment: environment), server: server, clock: clock,
                    logger: logger)
            } catch {
                return MissingCredentials(reason: "\(error)", origin: kind)
            }
        case .amazon(let configuration):
            return RenewingCredentials.amazon(
                configuration, environment: environment, client: context.cloud, logger: logger)
        case .google(let configuration):
            return RenewingCredentials.google(
                configuration, environment: environment, client: context.cloud, logger: logger)
        case .azure(let configuration):
            return RenewingCredentials.azure(
                configuration, environment: environment, client: context.cloud, logger: logger)
        }
    }
}

/// What sources need of the service around them.
package struct CredentialContext: Sendable {
    package let environment: [String: String]
    package let cloud: CloudClient
    package let logger: Logger

    package init(environment: [String: String], cloud: CloudClient, logger: Logger) {
        self.environment = environment
        self.cloud = cloud
        self.logger = logger
    }
}

/// A source that cannot be had, and says so at each login.
private struct MissingCredentials: CredentialSource {
    let reason: String
    let origin: String

    func credentials() async throws(CredentialError) -> IssuedCredentials { throw .missing(reason: reason) }

    func noteRefused(_ credentials: AccountCredentials) {}

    func report(at now: Timestamp) -> CredentialReport {
        CredentialReport(origin: origin, condition: .failing, failure: .missing(reason: reason))
    }
}
