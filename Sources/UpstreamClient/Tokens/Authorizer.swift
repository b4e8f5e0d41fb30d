internal import HTTPSemantics
internal import NIOHTTP1
internal import OCI
internal import Synchronization
internal import Timekeeping
internal import Upstream

/// What one request shows to the upstream.
struct Authorization: Sendable {
    enum Kind: Sendable {
        case basic
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
        var logins = LoginGuard()
        var lastWaiter: UInt64 = 0
    }

    private let connector: Connector
    private let fetcher: TokenFetcher
    private let clock: any WallClock
    private let state = Mutex(State())

    init(connector: Connector, clock: any WallClock, environment: UpstreamClient.Environment) {
        self.connector = connector
        self.clock = clock
        fetcher = TokenFetcher(connector: connector, clock: clock, environment: environment)
    }

    private var credentials: UpstreamClient.Credentials { connector.configuration.credentials }

    /// What to bring along, by what the upstream last demanded; nil: nothing.
    func authorization(for repository: RepositoryName) async throws(Failure) -> Authorization? {
        switch state.withLock({ $0.scheme }) {
        case .none: return nil
        case .basic: return try basic(repository)
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
        case .basic: refusedLogin(repository, status: status)
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
        guard challenges.contains(where: { $0.scheme == "basic" }), case .basic = credentials else { return nil }
        if case .basic = previous?.kind { return nil }
        state.withLock { $0.scheme = .basic }
        return try basic(repository)
    }

    /// Notes that the upstream took what it was shown.
    func accepted(_ authorization: Authorization) {
        guard case .basic = authorization.kind else { return }
        state.withLock { $0.logins.succeeded(authorization.scope) }
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

    private func basic(_ repository: RepositoryName) throws(Failure) -> Authorization? {
        guard case .basic(let username, let password) = credentials else { return nil }
        let now = clock.now()
        if let status = state.withLock({ $0.logins.refusal(of: "\(repository)", now: now) }) {
            throw Failure(.unauthorized(status: status))
        }
        return Authorization(
            field: basicField(username: username, password: password), kind: .basic, scope: "\(repository)")
    }

    private func refusedLogin(_ repository: RepositoryName, status: Int) {
        let now = clock.now()
        state.withLock { $0.logins.refused("\(repository)", status: status, hasCredentials: true, now: now) }
    }

    // MARK: Tokens

    /// Tokens are kept by repository rather than by scope, so that an upstream which wants another scope than the
    /// common one is asked once and not every time.
    private func bearer(
        _ endpoint: TokenEndpoint, _ repository: RepositoryName, scope: String, refused: String?
    ) async throws(Failure) -> Authorization {
        let key = "\(repository)"
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
                        if let status = state.logins.refusal(of: key, now: now) {
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
        let outcome: Result<Token, Failure>
        do throws(Failure) {
            outcome = .success(try await fetcher.token(endpoint, scope: scope))
        } catch {
            outcome = .failure(error)
        }
        let now = clock.now()
        let hasCredentials = credentials != .anonymous
        let waiters = state.withLock { state in
            switch outcome {
            case .success: state.logins.succeeded(key)
            case .failure(let failure):
                if case .unauthorized(let status) = failure.error {
                    state.logins.refused(key, status: status, hasCredentials: hasCredentials, now: now)
                }
            }
            return state.table.finish(key, with: try? outcome.get(), now: now)
        }
        for waiter in waiters {
            waiter.continuation.resume(with: outcome.map { ($0, true) }.mapError { $0 as any Error })
        }
    }
}
