internal import HTTPSemantics
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import Timekeeping
internal import Upstream

extension UpstreamClient {
    /// A read of the registry's API.
    struct Operation {
        var method: HTTPMethod
        /// Below `/v2/NAME/`; of characters that need no encoding.
        var path: String
        var query: [(name: String, value: String)] = []
        var repository: RepositoryName
        var headers: HTTPHeaders = [:]
        /// What it is asked again as where it is slow.
        var hedged: HedgedRequest?
    }

    /// What of a refusal's body is read, to tell one limiter from the other.
    private static let refusalLimitBytes = 4096

    /// Asks, with the account's token, behind redirects, again where that may help; and reads the answer.
    /// - Parameter read: called with an answer of the 2xx class; what it throws counts as a failed attempt.
    func perform<Result>(
        _ operation: Operation, read: (UpstreamAnswer) async throws(Failure) -> Result
    ) async throws(UpstreamError) -> Result {
        let policy = RetryPolicy(
            attempts: configuration.attempts, budget: configuration.retryBudget,
            retryAfterLimit: configuration.retryAfterLimit)
        let begin = clock.now()
        var attempt = 1
        while true {
            let failure: Failure
            do throws(Failure) {
                return try await read(try await authorizedAnswer(operation))
            } catch {
                failure = error
            }
            let elapsed = clock.now() - begin
            guard
                let pause = policy.pause(
                    after: failure.retry, attempt: attempt, elapsed: elapsed, random: environment.random())
            else { throw failure.error }
            logger.debug(
                "The request is tried again.",
                metadata: ["attempt": "\(attempt)", "reason": "\(failure.error)", "pause": "\(pause)"])
            if pause > .zero {
                do { try await environment.sleep(pause) } catch { throw .cancelled }
            }
            attempt += 1
        }
    }

    /// The answer after at most one renewal of the authorization.
    private func authorizedAnswer(_ operation: Operation) async throws(Failure) -> UpstreamAnswer {
        var authorization = try await authorizer.authorization(for: operation.repository)
        var isRenewed = false
        while true {
            let field = authorization?.field
            let answer = try await authorizer.showing(authorization) {
                () async throws(Failure) in
                try await self.answer(operation, authorization: field)
            }
            guard answer.status == 401 || answer.status == 403 else { return try await accept(answer) }
            // A challenge from where we were redirected to says nothing about our own host.
            guard answer.isFromUpstream else { throw Failure(.unauthorized(status: answer.status)) }
            let fields = answer.headers["WWW-Authenticate"].joined(separator: ", ")
            let challenges = Challenge.parse(fields)
            guard
                let renewed = try await authorizer.renewed(
                    authorization, status: answer.status, challenges: challenges, for: operation.repository,
                    mayRenew: !isRenewed)
            else { throw Failure(.unauthorized(status: answer.status)) }
            await answer.discard()
            authorization = renewed
            isRenewed = true
        }
    }

    /// Asks once, and follows redirects.
    private func answer(_ operation: Operation, authorization: String?) async throws(Failure) -> UpstreamAnswer {
        let upstream = try connector.upstream()
        let query = operation.query.isEmpty ? "" : "?" + formEncoded(operation.query)
        var address: WebAddress
        do {
            address = try WebAddress("/v2/\(operation.repository)/\(operation.path)\(query)", relativeTo: upstream)
        } catch {
            throw Failure(.unreachable(reason: "\(error)"))
        }
        var headers = operation.headers
        if let authorization { headers.replaceOrAdd(name: "Authorization", value: authorization) }
        var allowed = AddressClass.everything
        var isFromUpstream = true
        var followed = 0
        while true {
            let startedAt = clock.now()
            let answer = try await connector.send(
                operation.method, address, headers: headers, allowed: allowed, isFromUpstream: isFromUpstream,
                hedged: isFromUpstream ? operation.hedged : nil)
            if isFromUpstream {
                listener?(
                    AnswerReport(
                        status: answer.status, limits: RateLimitObservation(answer.headers, now: clock.now()),
                        startedAt: startedAt))
            }
            let decision = RedirectDecision.decide(
                status: answer.status, location: answer.headers.first(name: "Location"), from: address, isRead: true,
                followed: followed, limit: configuration.redirectLimit)
            switch decision {
            case .answer: return answer
            case .refuse(let reason): throw Failure(.redirectRefused(reason: reason))
            case .follow(let target, let keepsAuthorization):
                await answer.discard()
                allowed = try await connector.allowedNetworks(for: target) { .redirectRefused(reason: $0) }
                if !keepsAuthorization {
                    headers.remove(name: "Authorization")
                    isFromUpstream = false
                }
                address = target
                followed += 1
            }
        }
    }

    /// Lets answers of the 2xx class through, and names what the others say.
    private func accept(_ answer: UpstreamAnswer) async throws(Failure) -> UpstreamAnswer {
        let status = answer.status
        let retryAfter = answer.headers.first(name: "Retry-After").flatMap {
            RetryAfter.parse($0, now: clock.now().seconds)
        }
        switch status {
        case 200..<300: return answer
        case 404:
            await answer.discard()
            throw Failure(.notFound)
        case 429:
            let body = await answer.beginning(limitBytes: Self.refusalLimitBytes)
            throw Failure(.rateLimited(Self.limiter(answer.headers, body: body), retryAfter: retryAfter))
        case 408: throw Failure(.unexpectedStatus(status), retry: .afterBackOff)
        case 501: throw Failure(.serverError(status: status, retryAfter: retryAfter))
        case 500..<600:
            await answer.discard()
            throw Failure(
                .serverError(status: status, retryAfter: retryAfter),
                retry: retryAfter.map { .after($0) } ?? .afterBackOff)
        default:
            await answer.discard()
            throw Failure(.unexpectedStatus(status))
        }
    }

    /// Which of Docker Hub's limiters refused: the pull limit says so at length and announces that nothing remains;
    /// the abuse limit answers "Too Many Requests" and nothing else.
    static func limiter(_ headers: HTTPHeaders, body: ByteBuffer) -> UpstreamError.RateLimiter {
        if let remaining = headers.first(name: "ratelimit-remaining").flatMap({ RateLimitField($0) }) {
            if remaining.count == 0 { return .pull }
        }
        let text = String(decoding: body.readableBytesView, as: UTF8.self).lowercased()
        return text.contains("pull rate limit") || text.contains("increase-rate-limit") ? .pull : .abuse
    }
}
