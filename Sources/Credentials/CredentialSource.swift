package import Timekeeping

/// Where an account's credentials come from: the configuration, a file that rotates, a helper program, a cloud.
///
/// A source is asked for every login, so it answers from what it holds while that is good, renews it before it runs
/// out, and lets all who wait share one renewal. It contacts nothing before it is asked first.
package protocol CredentialSource: Sendable {
    /// For logs, errors and reports: "the file /run/secrets/hub", "Amazon ECR in eu-central-1". Holds no secret.
    var origin: String { get }

    /// What to log in with now. Bounded in time; may be cancelled.
    func credentials() async throws(CredentialError) -> IssuedCredentials

    /// Notes that the registry refused `credentials`, so that a source which can get others does not give the same
    /// again. Those refused earlier than the last renewal are passed over.
    func noteRefused(_ credentials: AccountCredentials)

    /// How it stands at `now`. Asks nobody.
    func report(at now: Timestamp) -> CredentialReport
}

/// Credentials, and until when they are good.
package struct IssuedCredentials: Sendable, Hashable {
    package var credentials: AccountCredentials
    /// Nil where they do not run out by themselves, or nobody says when.
    package var expiresAt: Timestamp?

    package init(_ credentials: AccountCredentials, expiresAt: Timestamp? = nil) {
        self.credentials = credentials
        self.expiresAt = expiresAt
    }
}

/// Why a source gave nothing. Descriptions are safe to log and to show: they name files, programs and hosts, and
/// never a content.
package enum CredentialError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A file, a variable or an entry that is named is not there, or cannot be read.
    case missing(reason: String)
    /// It is there, and is no credential: a wrong form, a decryption that fails.
    case malformed(reason: String)
    /// The helper program or the cloud's endpoint failed, did not answer in time, or cannot be reached; asking again
    /// later may help.
    case unavailable(reason: String)
    /// The cloud refused: what it was shown is expired, revoked or not allowed.
    case refused(reason: String)

    package var description: String {
        switch self {
        case .missing(let reason), .malformed(let reason), .unavailable(let reason), .refused(let reason): reason
        }
    }
}

/// Credentials that stay as they are until the configuration is read anew.
package struct FixedCredentials: CredentialSource {
    package let origin: String
    private let issued: IssuedCredentials

    package init(_ credentials: AccountCredentials, origin: String = "the configuration") {
        issued = IssuedCredentials(credentials)
        self.origin = origin
    }

    package func credentials() async throws(CredentialError) -> IssuedCredentials { issued }

    package func noteRefused(_ credentials: AccountCredentials) {}

    package func report(at now: Timestamp) -> CredentialReport { CredentialReport(origin: origin, condition: .good) }
}
