internal import Credentials
package import Logging
package import Timekeeping

extension RenewingCredentials {
    /// How long a helper's answer is used before it is asked again: helpers do not say when it runs out.
    package static let helperLifetime = Duration.seconds(600)

    /// An account that a credential helper keeps.
    package static func helper(
        _ helper: CredentialHelper, server: DockerServer, clock: any WallClock, logger: Logger,
        limit: Duration = .seconds(30)
    ) -> RenewingCredentials {
        RenewingCredentials(
            origin: "docker-credential-\(helper.name)",
            policy: RenewalPolicy(lifetimeWithoutEnd: helperLifetime, attemptLimit: limit), clock: clock,
            journal: CredentialJournal(kind: "helper", logger: logger)
        ) { () throws(CredentialError) in
            IssuedCredentials(try await helper.credentials(for: server))
        }
    }
}
