package import Credentials
package import Logging
internal import Synchronization
package import Timekeeping

/// The account that Docker's `config.json` has for a registry, with the helpers that it names. The file is read again
/// when it changes, as `docker login` changes it.
package final class DockerConfigurationCredentials: CredentialSource {
    private struct State {
        var helpers: [String: RenewingCredentials] = [:]
        /// The helper that gave the account last; nil: the file itself.
        var current: RenewingCredentials?
        var last: CredentialError?
        var obtainedAt: Timestamp?
        var given: AccountCredentials?
        var refusedAt: Timestamp?
    }

    /// A file that names a new helper at every change must not make the table grow.
    private static let helperLimit = 8

    package let origin: String
    private let server: DockerServer
    private let file: WatchedFile<DockerConfiguration>
    private let environment: [String: String]
    private let clock: any WallClock
    private let logger: Logger
    private let journal: CredentialJournal
    private let state = Mutex(State())

    /// - Parameters:
    ///   - path: the file.
    ///   - environment: for the helpers.
    package init(
        path: String, server: DockerServer, environment: [String: String], clock: any WallClock, logger: Logger
    ) {
        origin = "the file \(path)"
        self.server = server
        self.environment = environment
        self.clock = clock
        self.logger = logger
        journal = CredentialJournal(kind: "docker-config", logger: logger)
        file = WatchedFile(path, limitBytes: DockerConfiguration.sizeLimitBytes, clock: clock) {
            bytes throws(CredentialError) in try DockerConfiguration(bytes)
        }
    }

    /// Where Docker itself looks: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. Nil without a home.
    package static func standardPath(environment: [String: String]) -> String? {
        if let directory = environment["DOCKER_CONFIG"], !directory.isEmpty { return "\(directory)/config.json" }
        guard let home = environment["HOME"], !home.isEmpty else { return nil }
        return "\(home)/.docker/config.json"
    }

    package func credentials() async throws(CredentialError) -> IssuedCredentials {
        let result: Result<(IssuedCredentials, RenewingCredentials?), CredentialError>
        do throws(CredentialError) { result = .success(try await find()) } catch { result = .failure(error) }
        let now = clock.now()
        state.withLock { state in
            switch result {
            case .success(let (issued, helper)):
                if state.given != issued.credentials { state.refusedAt = nil }
                state.current = helper
                state.last = nil
                state.obtainedAt = now
                state.given = issued.credentials
            case .failure(let error): state.last = error
            }
        }
        journal.note(report(at: now))
        return try result.get().0
    }

    package func noteRefused(_ credentials: AccountCredentials) {
        let now = clock.now()
        let current = state.withLock { state -> RenewingCredentials?? in
            guard state.given == credentials else { return nil }
            state.refusedAt = now
            return .some(state.current)
        }
        guard let current else { return }
        current?.noteRefused(credentials)
        file.forget()
        journal.note(report(at: now))
    }

    package func report(at now: Timestamp) -> CredentialReport {
        let (own, current) = state.withLock { state in
            let isRefused = state.refusedAt.map { now - $0 < .seconds(900) } ?? false
            let condition: CredentialReport.Condition =
                state.last != nil ? .failing : state.given == nil ? .unused : isRefused ? .refused : .good
            let report = CredentialReport(
                origin: origin, condition: condition, obtainedAt: state.obtainedAt, failure: state.last)
            return (report, state.current)
        }
        guard own.condition == .good, let current else { return own }
        return current.report(at: now)
    }

    private func find() async throws(CredentialError) -> (IssuedCredentials, RenewingCredentials?) {
        let configuration = try await file.content()
        var missing = CredentialError.missing(reason: "\(origin) has no account for \(server.url)")
        for candidate in configuration.candidates(for: server) {
            switch candidate {
            case .account(let credentials): return (IssuedCredentials(credentials), nil)
            case .unusable(let reason):
                throw .malformed(reason: "the entry for \(server.url) in \(origin) is of no use: \(reason)")
            case .helper(let name):
                let helper = try helper(name)
                do throws(CredentialError) {
                    return (try await helper.credentials(), helper)
                } catch {
                    guard case .missing = error else { throw error }
                    missing = error
                }
            }
        }
        throw missing
    }

    private func helper(_ name: String) throws(CredentialError) -> RenewingCredentials {
        let helper = try CredentialHelper(name: name, environment: environment)
        let (server, clock, logger) = (server, clock, logger)
        return state.withLock { state in
            if let known = state.helpers[name] { return known }
            if state.helpers.count >= Self.helperLimit { state.helpers = [:] }
            let source = RenewingCredentials.helper(helper, server: server, clock: clock, logger: logger)
            state.helpers[name] = source
            return source
        }
    }
}
