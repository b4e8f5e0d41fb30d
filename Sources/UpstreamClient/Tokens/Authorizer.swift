internal import Credentials
internal import HTTPSemantics
internal import NIOHTTP1
internal import OCI
internal import Synchronization
internal import Timekeeping
internal import Upstream

/// What one request shows to the upstream.
struct Authorization: Sendable {
    enum Kind: Sendable {
        case basic(AccountCredentials)
        /// - Parameter isFresh: whether it was fetched for this very request; such a one is not renewed.
        case bearer(token: String, isFresh: Bool)
    }

    /// The `Authorization` field.
    var field: String
    var kind: Kind
    /// Which tokens it is one of.
    var scope: String
}

/// One rule's credentials at its upstream: remembers how the upstream wants them, and gets tokens for them.
///
/// The first answer's challenge is remembered, so that later requests bring a token along at once.
final class Authorizer: Sendable {
    private enum Scheme {
        /// Nothing was demanded so far.
        case none
        case basic
        case bearer(TokenEndpoint)
    }

    private struct Waiter {
        var id: UInt64
        var continuation: CheckedContinuation<(token: Token, isFresh: Bool), any Error>
    }

    private struct State {
        var scheme = Scheme.none
        var table = TokenTable<Waiter>()
        var lastWaiter: UInt64 = 0
    }

    private let connector: Connector
    private let fetcher: TokenFetcher
    private let login: AccountLogin
    private let logins: LoginRecord
    private let clock: any WallClock
    private let state = Mutex(State())

    init(
        connector: Connector, login: AccountLogin, logins: LoginRecord, clock: any WallClock,
        environment: UpstreamClient.Environment
    ) {
        self.connector = connector
        self.login = login
        self.logins = logins
        self.clock = clock
        fetcher = TokenFetcher(connector: connector, clock: clock, environment: environment)
    }

    /// What the source gives now. Others than before begin anew: without the tokens of those before, and without
    /// their refusals.
    private func credentials() async throws(Failure) -> AccountCredentials {
        let (credentials, areOthers) = try await login.current()
        if areOthers {
            logins.forget()
            state.withLock { $0.table.forgetAll() }
        }
        return credentials
    }

    /// What to bring along, by what the upstream last demanded; nil: nothing.
    func authorization(for repository: RepositoryName) async throws(Failure) -> Authorization? {
        switch state.withLock({ $0.scheme }) {
        case .none: return nil
        case .basic: return try await basic(repository)
        case .bearer(let endpoint):
            return try await bearer(endpoint, repository, scope: Self.scope(repository), refused: nil)
        }
    }

    /// What to bring along after a refusal; nil: the refusal is final.
    /// - Parameters:
    ///   - previous: what was refused.
    ///   - mayRenew: whether this request was not renewed yet.
    func renewed(
        _ previous: Authorization?, status: Int, challenges: [Challenge], for repository: RepositoryName, mayRenew: Bool
    ) async throws(Failure) -> Authorization? {
        var refused: String?
        switch previous?.kind {
        case .none: break
        // Noted where it was shown.
        case .basic: break
        case .bearer(let token, let isFresh):
            refused = token
            state.withLock { $0.table.forget(token, of: "\(repository)") }
            // A token that was fetched a moment ago is as good as it gets.
            if isFresh { return nil }
        }
        // 403 is a decision about the account, unless an old token may be the reason and the upstream says how to get
        // another.
        guard mayRenew, status == 401 || refused != nil else { return nil }
        if let challenge = challenges.first(where: { $0.scheme == "bearer" && $0.parameters["realm"] != nil }) {
            let endpoint = try endpoint(challenge)
            state.withLock { $0.scheme = .bearer(endpoint) }
            let asked = challenge.parameters["scope"].flatMap { (1...1024).contains($0.utf8.count) ? $0 : nil }
            return try await bearer(
                endpoint, repository, scope: asked ?? Self.scope(repository), refused: refused)
        }
        guard challenges.contains(where: { $0.scheme == "basic" }) else { return nil }
        // Once more only with others, which a source that renews them may have by now.
        let shown: AccountCredentials? = if case .basic(let shown) = previous?.kind { shown } else { nil }
        guard let renewed = try await basic(repository, unlike: shown) else { return nil }
        state.withLock { $0.scheme = .basic }
        return renewed
    }

    /// Has `ask` show it, and notes what the upstream said to a password.
    ///
    /// A password that has not worked yet is shown by one request at a time, until the answer's head is there.
    func showing(
        _ authorization: Authorization?, _ ask: () async throws(Failure) -> UpstreamAnswer
    ) async throws(Failure) -> UpstreamAnswer {
        guard let authorization, case .basic(let shown) = authorization.kind else { return try await ask() }
        let outcome = await logins.trying { () async -> Result<UpstreamAnswer, Failure> in
            // Whoever was first may have been refused meanwhile.
            if let status = logins.refusal(of: authorization.scope, now: clock.now()) {
                return .failure(Failure(.unauthorized(status: status)))
            }
            do throws(Failure) {
                let answer = try await ask()
                if answer.isFromUpstream { note(answer.status, authorization, shown) }
                return .success(answer)
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    private func note(_ status: Int, _ authorization: Authorization, _ shown: AccountCredentials) {
        guard status == 401 || status == 403 else { return logins.succeeded(authorization.scope) }
        logins.refused(authorization.scope, status: status, hasCredentials: true, now: clock.now())
        if status == 401 { login.refused(shown) }
    }

    private func endpoint(_ challenge: Challenge) throws(Failure) -> TokenEndpoint {
        let text = challenge.parameters["realm"] ?? ""
        let upstream = try connector.upstream()
        guard let realm = try? WebAddress(text) else { throw Failure(.realmRefused(realm: "(malformed)")) }
        guard
            RealmTrust.isTrusted(
                realm: realm, upstream: upstream, trustedHosts: connector.configuration.trustedRealmHosts)
        else { throw Failure(.realmRefused(realm: "\(realm)")) }
        return TokenEndpoint(realm: realm, service: challenge.parameters["service"])
    }

    private static func scope(_ repository: RepositoryName) -> String { "repository:\(repository):pull" }

    // MARK: Basic

    /// - Parameter refused: what was refused a moment ago, and is not shown again.
    private func basic(
        _ repository: RepositoryName, unlike refused: AccountCredentials? = nil
    ) async throws(Failure) -> Authorization? {
        let credentials = try await credentials()
        guard case .basic(let username, let password) = credentials, credentials != refused else { return nil }
        if let status = logins.refusal(of: "\(repository)", now: clock.now()) {
            throw Failure(.unauthorized(status: status))
        }
        return Authorization(
            field: basicField(username: username, password: password), kind: .basic(credentials),
            scope: "\(repository)")
    }

    // MARK: Tokens

    /// Tokens are kept by repository rather than by scope, so that an upstream which wants another scope than the
    /// common one is asked once and not every time.
    private func bearer(
        _ endpoint: TokenEndpoint, _ repository: RepositoryName, scope: String, refused: String?
    ) async throws(Failure) -> Authorization {
        let key = "\(repository)"
        // Others than those that were refused need not wait for them.
        if logins.refusal(of: key, now: clock.now()) != nil { _ = try await credentials() }
        let (token, isFresh) = try await token(endpoint, key: key, scope: scope, refused: refused)
        return Authorization(
            field: "Bearer \(token.value)", kind: .bearer(token: token.value, isFresh: isFresh), scope: key)
    }

    /// The token at hand, or one that is fetched for everyone who waits.
    private func token(
        _ endpoint: TokenEndpoint, key: String, scope: String, refused: String?
    ) async throws(Failure) -> (token: Token, isFresh: Bool) {
        enum Outcome {
            case token(Token)
            case failed(any Error)
            case waits(TokenTable<Waiter>.Role)
        }
        let now = clock.now()
        let id = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let outcome: Outcome = state.withLock { state in
                        if Task.isCancelled { return .failed(CancellationError()) }
                        if let token = state.table.usable(key, refused: refused, now: now) { return .token(token) }
                        if let status = logins.refusal(of: key, now: now) {
                            return .failed(Failure(.unauthorized(status: status)))
                        }
                        return .waits(state.table.join(key, Waiter(id: id, continuation: continuation)))
                    }
                    switch outcome {
                    case .token(let token): continuation.resume(returning: (token, false))
                    case .failed(let error): continuation.resume(throwing: error)
                    case .waits(.follower): break
                    case .waits(.leader):
                        // The fetch is everyone's who waits for it, and outlives the one who began it. Its time is
                        // bounded.
                        Task { await self.fetch(endpoint, key: key, scope: scope) }
                    }
                }
            } onCancel: {
                let waiter = state.withLock { $0.table.leave(key) { $0.id == id } }
                waiter?.continuation.resume(throwing: CancellationError())
            }
        } catch {
            throw Failure(error, hasHead: false)
        }
    }

    private func fetch(_ endpoint: TokenEndpoint, key: String, scope: String) async {
        let outcome = await fetched(endpoint, key: key, scope: scope)
        let now = clock.now()
        let waiters = state.withLock { $0.table.finish(key, with: try? outcome.get(), now: now) }
        for waiter in waiters {
            waiter.continuation.resume(with: outcome.map { ($0, true) }.mapError { $0 as any Error })
        }
    }

    private func fetched(_ endpoint: TokenEndpoint, key: String, scope: String) async -> Result<Token, Failure> {
        let shown: AccountCredentials
        do throws(Failure) { shown = try await credentials() } catch { return .failure(error) }
        guard shown != .anonymous else { return await tried(endpoint, key: key, scope: scope, with: shown) }
        return await logins.trying {
            // Whoever was first may have been refused meanwhile.
            if let status = logins.refusal(of: key, now: clock.now()) {
                return .failure(Failure(.unauthorized(status: status)))
            }
            return await tried(endpoint, key: key, scope: scope, with: shown)
        }
    }

    /// Shows the credentials, and notes what came of it.
    private func tried(
        _ endpoint: TokenEndpoint, key: String, scope: String, with shown: AccountCredentials
    ) async -> Result<Token, Failure> {
        do throws(Failure) {
            let token = try await fetcher.token(endpoint, scope: scope, with: shown)
            logins.succeeded(key)
            return .success(token)
        } catch {
            if case .unauthorized(let status) = error.error {
                let hasCredentials = shown != .anonymous
                logins.refused(key, status: status, hasCredentials: hasCredentials, now: clock.now())
                if hasCredentials, status == 401 { login.refused(shown) }
            }
            return .failure(error)
        }
    }
}
