package import Credentials
internal import Synchronization
package import Timekeeping

/// An account as the configuration writes it, whose name or secret stands in files: they are read again when they
/// change, so that a mounted secret rotates without a reload.
package final class TemplateCredentials: CredentialSource {
    package enum Form: Sendable, Hashable {
        case basic(username: SecretTemplate, password: SecretTemplate)
        case refreshToken(SecretTemplate)

        /// The files in it.
        package var files: [String] { templates.flatMap(\.files) }

        fileprivate var templates: [SecretTemplate] {
            switch self {
            case .basic(let username, let password): [username, password]
            case .refreshToken(let token): [token]
            }
        }
    }

    private struct State {
        var last: CredentialError?
        var obtainedAt: Timestamp?
        var refusedAt: Timestamp?
        var given: AccountCredentials?
    }

    package let origin: String
    private let form: Form
    private let files: [String: WatchedFile<String>]
    private let clock: any WallClock
    private let journal: CredentialJournal
    private let state = Mutex(State())

    package init(_ form: Form, clock: any WallClock, journal: CredentialJournal) {
        self.form = form
        self.clock = clock
        self.journal = journal
        let paths = form.files
        files = Dictionary(
            paths.map { path in
                (
                    path,
                    WatchedFile(path, clock: clock) { bytes throws(CredentialError) in
                        try SecretTemplate.text(bytes, path)
                    }
                )
            }, uniquingKeysWith: { first, _ in first })
        origin = paths.isEmpty ? "the configuration" : "the file \(paths[0])"
    }

    package func credentials() async throws(CredentialError) -> IssuedCredentials {
        let result: Result<AccountCredentials, CredentialError>
        do throws(CredentialError) { result = .success(try await read()) } catch { result = .failure(error) }
        let now = clock.now()
        state.withLock { state in
            switch result {
            case .success(let credentials):
                state.last = nil
                if state.given != credentials { state.refusedAt = nil }
                state.obtainedAt = now
                state.given = credentials
            case .failure(let error): state.last = error
            }
        }
        journal.note(report(at: now))
        return IssuedCredentials(try result.get())
    }

    /// Nobody says when the registry takes again what it refused: a refusal counts for as long as this.
    private static let refusalMemory = Duration.seconds(900)

    /// What can be read anew is read anew by the next login; where it is the same still, the registry's answer stands.
    package func noteRefused(_ credentials: AccountCredentials) {
        let now = clock.now()
        let isHeld = state.withLock { state in
            guard state.given == credentials else { return false }
            state.refusedAt = now
            return true
        }
        guard isHeld else { return }
        for file in files.values { file.forget() }
        journal.note(report(at: now))
    }

    package func report(at now: Timestamp) -> CredentialReport {
        state.withLock { state in
            let isRefused = state.refusedAt.map { now - $0 < Self.refusalMemory } ?? false
            let condition: CredentialReport.Condition =
                state.last != nil ? .failing : state.given == nil ? .unused : isRefused ? .refused : .good
            return CredentialReport(
                origin: origin, condition: condition, obtainedAt: state.obtainedAt, failure: state.last)
        }
    }

    private func read() async throws(CredentialError) -> AccountCredentials {
        switch form {
        case .basic(let username, let password):
            let name = try await text(of: username)
            guard !name.contains(":") else { throw .malformed(reason: "the user name in \(origin) has a ':' in it") }
            return .basic(username: name, password: try await text(of: password))
        case .refreshToken(let token): return .refreshToken(try await text(of: token))
        }
    }

    private func text(of template: SecretTemplate) async throws(CredentialError) -> String {
        var text = ""
        for part in template.parts {
            switch part {
            case .text(let part): text += part
            case .file(let path): if let file = files[path] { text += try await file.content() }
            }
        }
        guard !text.isEmpty else { throw .malformed(reason: "\(origin) is empty") }
        return text
    }
}
