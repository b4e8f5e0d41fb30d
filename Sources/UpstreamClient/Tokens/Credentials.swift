internal import Credentials
internal import Synchronization
internal import Upstream

/// An account's credentials, as its source gives them, and whether they are others than before.
final class AccountLogin: Sendable {
    let source: any CredentialSource
    private let last = Mutex<AccountCredentials?>(nil)

    init(_ source: any CredentialSource) { self.source = source }

    /// What to log in with now, and whether it took the place of something else.
    func current() async throws(Failure) -> (credentials: AccountCredentials, areOthers: Bool) {
        let issued: IssuedCredentials
        do throws(CredentialError) {
            issued = try await source.credentials()
        } catch {
            if Task.isCancelled { throw Failure(.cancelled) }
            throw Failure(.credentialsUnavailable(reason: "\(source.origin): \(error)"))
        }
        let areOthers = last.withLock { last in
            defer { last = issued.credentials }
            return last.map { $0 != issued.credentials } ?? false
        }
        return (issued.credentials, areOthers)
    }

    /// Notes that the registry refused what was shown last.
    func refused(_ credentials: AccountCredentials) { source.noteRefused(credentials) }
}
