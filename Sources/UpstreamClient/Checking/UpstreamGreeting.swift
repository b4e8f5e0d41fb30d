internal import HTTPSemantics
package import Logging
internal import NIOCore
internal import NIOHTTP1
package import Timekeeping
package import Upstream

/// How an upstream answers before anything is asked of it: the first steps of finding out why it does not work.
///
/// Shows no credentials and follows no redirect. Connections that are open already are not used, so that names and
/// certificates are really looked at.
package struct UpstreamGreeting: Sendable {
    /// What a name leads to.
    package enum Addresses: Sendable, Hashable {
        case resolved([String])
        /// Only the proxy knows.
        case throughProxy
        case failed(reason: String)
    }

    /// What the upstream wants to be shown.
    package enum Login: Sendable, Hashable {
        case none
        case basic
        /// A token of the endpoint at `realm`.
        case token(realm: String, isTrusted: Bool)
        /// A status that says nothing of logins.
        case unclear(status: Int)
    }

    private let connector: Connector

    /// - Parameter transport: one that nothing else uses.
    package init(
        configuration: UpstreamClient.Configuration, transport: UpstreamTransport, clock: any WallClock, logger: Logger
    ) {
        connector = Connector(
            configuration: configuration, transport: transport, logger: logger,
            metrics: UpstreamMetrics(rule: configuration.name),
            pacing: Pacing(configuration.pacing, rule: configuration.name), clock: clock)
    }

    package func addresses() async -> Addresses {
        do {
            let upstream = try connector.upstream()
            if connector.transport.proxy.decision(for: upstream) != .direct { return .throughProxy }
            if AddressClass.ofLiteral(upstream.host) != nil { return .resolved([upstream.host]) }
            let found = try await connector.transport.resolver.addresses(
                of: upstream.host, timeout: connector.configuration.connectTimeout)
            var texts: [String] = []
            for text in found.compactMap(\.ipAddress) where !texts.contains(text) { texts.append(text) }
            return .resolved(Array(texts.prefix(8)))
        } catch {
            return .failed(reason: Failure(error, hasHead: false).error.description)
        }
    }

    /// Asks for `/v2/`: connection, TLS, and how the registry wants logins.
    package func login() async throws(UpstreamError) -> Login {
        do throws(Failure) {
            let upstream = try connector.upstream()
            let address: WebAddress
            do { address = try WebAddress("/v2/", relativeTo: upstream) } catch {
                throw Failure(.unreachable(reason: "\(error)"))
            }
            let answer = try await connector.send(
                .GET, address, headers: [:], allowed: .everything, isFromUpstream: false)
            await answer.discard()
            switch answer.status {
            case 200..<300: return .none
            case 401: return try login(answer.headers["WWW-Authenticate"].joined(separator: ", "))
            default: return .unclear(status: answer.status)
            }
        } catch {
            throw error.error
        }
    }

    private func login(_ field: String) throws(Failure) -> Login {
        let challenges = Challenge.parse(field)
        if let realm = challenges.first(where: { $0.scheme == "bearer" })?.parameters["realm"] {
            guard let address = try? WebAddress(realm) else { return .token(realm: "(malformed)", isTrusted: false) }
            let isTrusted = RealmTrust.isTrusted(
                realm: address, upstream: try connector.upstream(),
                trustedHosts: connector.configuration.trustedRealmHosts)
            return .token(realm: "\(address)", isTrusted: isTrusted)
        }
        return challenges.contains { $0.scheme == "basic" } ? .basic : .unclear(status: 401)
    }
}
