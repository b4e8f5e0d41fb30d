internal import Credentials
internal import HTTPSemantics
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization
internal import Timekeeping
internal import Upstream

/// Gets tokens from an endpoint that is trusted. Distribution, "Token Authentication Specification".
final class TokenFetcher: Sendable {
    private enum Way {
        case get(basic: String?)
        case post(refreshToken: String)
    }

    private struct State {
        /// The latest refresh token, where the endpoint replaces them, and the configured one that it came of.
        var refreshToken: (given: String, latest: String)?
        /// Whether the endpoint knows no POST.
        var isGetOnly = false
    }

    private let connector: Connector
    private let clock: any WallClock
    private let environment: UpstreamClient.Environment
    private let state = Mutex(State())

    init(connector: Connector, clock: any WallClock, environment: UpstreamClient.Environment) {
        self.connector = connector
        self.clock = clock
        self.environment = environment
    }

    /// Fetches a token; again where that may help, within the bounds that hold for every request.
    ///
    /// What it throws is never tried again by those who wait for it: they are many, and it was tried already.
    func token(
        _ endpoint: TokenEndpoint, scope: String, with credentials: AccountCredentials
    ) async throws(Failure) -> Token {
        let configuration = connector.configuration
        let policy = RetryPolicy(
            attempts: configuration.attempts, budget: configuration.retryBudget,
            retryAfterLimit: configuration.retryAfterLimit)
        let begin = clock.now()
        var attempt = 1
        while true {
            let failure: Failure
            do throws(Failure) {
                let token = try await attemptToken(endpoint, scope: scope, with: credentials)
                connector.metrics.tokenRequest("ok")
                return token
            } catch {
                failure = error
            }
            connector.metrics.tokenRequest(UpstreamMetrics.outcome(failure.error))
            guard
                let pause = policy.pause(
                    after: failure.retry, attempt: attempt, elapsed: clock.now() - begin, random: environment.random())
            else {
                connector.logger.debug(
                    "No token was to be had.",
                    metadata: ["realm": "\(endpoint.realm)", "reason": "\(failure.error)"])
                throw Failure(failure.error)
            }
            if pause > .zero {
                do { try await environment.sleep(pause) } catch { throw Failure(.cancelled) }
            }
            attempt += 1
        }
    }

    private func attemptToken(
        _ endpoint: TokenEndpoint, scope: String, with credentials: AccountCredentials
    ) async throws(Failure) -> Token {
        let begin = clock.now()
        let way = way(credentials)
        var answer = try await ask(endpoint, scope: scope, way)
        if case .post(let refreshToken) = way, answer.status == 404 || answer.status == 405 {
            await answer.discard()
            state.withLock { $0.isGetOnly = true }
            answer = try await ask(endpoint, scope: scope, .get(basic: Self.identity(refreshToken)))
        }
        try await refuse(answer)
        let body: ByteBuffer
        do throws(Failure) {
            body = try await answer.collect(limitBytes: connector.configuration.tokenLimitBytes)
        } catch {
            throw Self.named(error)
        }
        do throws(TokenAnswerError) {
            let received = try TokenAnswer(
                json: body.readableBytesView, date: answer.headers.first(name: "Date"), now: begin)
            if case .post = way, case .refreshToken(let given) = credentials, let new = received.refreshToken {
                state.withLock { $0.refreshToken = (given, new) }
            }
            return received.token
        } catch {
            throw Failure(.tokenEndpoint(reason: "\(error)"))
        }
    }

    private func way(_ credentials: AccountCredentials) -> Way {
        switch credentials {
        case .anonymous: .get(basic: nil)
        case .basic(let username, let password): .get(basic: basicField(username: username, password: password))
        case .refreshToken(let token):
            state.withLock { state in
                let token = state.refreshToken.flatMap { $0.given == token ? $0.latest : nil } ?? token
                return state.isGetOnly ? .get(basic: Self.identity(token)) : .post(refreshToken: token)
            }
        }
    }

    /// How Docker shows an identity token to endpoints that only know Basic.
    private static func identity(_ refreshToken: String) -> String {
        basicField(username: "<token>", password: refreshToken)
    }

    /// Asks once. A GET follows redirects to places that are trusted as well; a POST follows none, since it carries
    /// the account in its body.
    private func ask(_ endpoint: TokenEndpoint, scope: String, _ way: Way) async throws(Failure) -> UpstreamAnswer {
        var headers: HTTPHeaders = ["Accept": "application/json"]
        var address = endpoint.realm
        var body: ByteBuffer?
        var method = HTTPMethod.GET
        switch way {
        case .get(let basic):
            do { address = try endpoint.address(scope: scope) } catch {
                throw Failure(.tokenEndpoint(reason: "\(error)"))
            }
            if let basic { headers.add(name: "Authorization", value: basic) }
        case .post(let refreshToken):
            method = .POST
            headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
            body = ByteBuffer(string: endpoint.form(refreshToken: refreshToken, scope: scope))
        }
        var followed = 0
        while true {
            let answer: UpstreamAnswer
            do throws(Failure) {
                answer = try await connector.send(
                    method, address, headers: headers, body: body, allowed: try await networks(address),
                    isFromUpstream: false, hedged: method == .GET ? .token : nil)
            } catch {
                throw Self.named(error)
            }
            let decision = RedirectDecision.decide(
                status: answer.status, location: answer.headers.first(name: "Location"), from: address,
                isRead: method == .GET, followed: followed, limit: connector.configuration.redirectLimit)
            switch decision {
            case .answer: return answer
            case .refuse(let reason): throw Failure(.tokenEndpoint(reason: "its redirect was refused: \(reason)"))
            case .follow(let target, let keepsAuthorization):
                guard try isTrusted(target) else { throw Failure(.realmRefused(realm: "\(target)")) }
                await answer.discard()
                if !keepsAuthorization { headers.remove(name: "Authorization") }
                address = target
                followed += 1
            }
        }
    }

    private func isTrusted(_ realm: WebAddress) throws(Failure) -> Bool {
        RealmTrust.isTrusted(
            realm: realm, upstream: try connector.upstream(), trustedHosts: connector.configuration.trustedRealmHosts)
    }

    /// A realm that the rule names may be anywhere, as may one at the rule's own host; others are under the same roof
    /// by name, which says nothing about where the name leads.
    private func networks(_ realm: WebAddress) async throws(Failure) -> AddressClass {
        let isNamed = RealmTrust.isNamed(realm, in: connector.configuration.trustedRealmHosts)
        let upstream = try connector.upstream()
        if isNamed || realm.host == upstream.host { return .everything }
        return try await connector.allowedNetworks(for: realm) { _ in .realmRefused(realm: "\(realm)") }
    }

    private func refuse(_ answer: UpstreamAnswer) async throws(Failure) {
        let retryAfter = answer.headers.first(name: "Retry-After").flatMap {
            RetryAfter.parse($0, now: clock.now().seconds)
        }
        switch answer.status {
        case 200: return
        case 400, 401, 403:
            // 400 is OAuth2's way to refuse a grant (RFC 6749, 5.2).
            await answer.discard()
            throw Failure(.unauthorized(status: answer.status == 403 ? 403 : 401))
        case 429: throw Failure(.rateLimited(.abuse, retryAfter: retryAfter))
        case 500..<600:
            await answer.discard()
            throw Failure(
                .tokenEndpoint(reason: "it answered with status \(answer.status)"),
                retry: answer.status == 501 ? .never : retryAfter.map { .after($0) } ?? .afterBackOff)
        default:
            await answer.discard()
            throw Failure(.tokenEndpoint(reason: "it answered with status \(answer.status)"))
        }
    }

    /// A failure as one of the endpoint's.
    private static func named(_ failure: Failure) -> Failure {
        switch failure.error {
        case .unreachable(let reason): Failure(.tokenEndpoint(reason: reason), retry: failure.retry)
        case .timedOut: Failure(.tokenEndpoint(reason: "it did not answer in time"), retry: failure.retry)
        case .truncated: Failure(.tokenEndpoint(reason: "it broke off its answer"), retry: failure.retry)
        case .tooLarge(let limit): Failure(.tokenEndpoint(reason: "its answer is larger than \(limit) bytes"))
        case .malformedAnswer(let reason): Failure(.tokenEndpoint(reason: reason))
        case .redirectRefused(let reason): Failure(.tokenEndpoint(reason: reason))
        default: failure
        }
    }
}
