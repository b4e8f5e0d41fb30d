internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Timekeeping
internal import Upstream

/// Sends single requests for one rule: chooses the connection, and judges where it may lead.
struct Connector: Sendable {
    let configuration: UpstreamClient.Configuration
    var egress = Egress.system
    let transport: UpstreamTransport
    let logger: Logger
    let metrics: UpstreamMetrics
    let pacing: Pacing
    let clock: any WallClock

    /// The root of the rule's own host.
    func upstream() throws(Failure) -> WebAddress {
        do {
            return try WebAddress("\(configuration.usesTLS ? "https" : "http")://\(configuration.host)/")
        } catch {
            throw Failure(.unreachable(reason: "\(error)"))
        }
    }

    /// Sends one request, and waits for the head of its answer.
    /// - Parameters:
    ///   - allowed: networks that the connection may lead to.
    ///   - hedged: what it is asked again as where it is slow; nil: it is not.
    func send(
        _ method: HTTPMethod, _ address: WebAddress, headers: HTTPHeaders, body: ByteBuffer? = nil,
        allowed: AddressClass, isFromUpstream: Bool, hedged: HedgedRequest? = nil
    ) async throws(Failure) -> UpstreamAnswer {
        var begin = ContinuousClock.now
        do {
            // Where a redirect leads, and who gives out tokens, is not the registry.
            if isFromUpstream { try await pacing.waitForRequest(limit: configuration.answerTimeout) }
            begin = .now
            let key = try clientKey(for: address, allowed: allowed)
            var headers = headers
            headers.replaceOrAdd(name: "User-Agent", value: configuration.userAgent)
            // Bytes are passed on as they are; a proxy on the way must not pack them.
            headers.replaceOrAdd(name: "Accept-Encoding", value: "identity")
            let request = try HTTPClient.Request(
                url: address.url, method: method, headers: headers, body: body.map { .byteBuffer($0) })
            let (head, exchange) = try await answer(to: request, by: key, hedged: hedged)
            let time = ContinuousClock.now - begin
            metrics.answered(method, status: Int(head.status.code), after: time)
            logger.debug(
                "The upstream answered.",
                metadata: [
                    "method": "\(method)", "address": "\(address)", "status": "\(head.status.code)",
                    "milliseconds": "\(time / .milliseconds(1))",
                ])
            return UpstreamAnswer(
                head: head, address: address, isFromUpstream: isFromUpstream, method: method, exchange: exchange,
                metrics: metrics, bodyTimeout: configuration.bodyTimeout)
        } catch {
            let failure = Failure(error, hasHead: false)
            metrics.failed(method, failure.error)
            logger.debug(
                "A request to the upstream failed.",
                metadata: ["method": "\(method)", "address": "\(address)", "reason": "\(failure.error)"])
            throw failure
        }
    }

    private func answer(
        to request: HTTPClient.Request, by key: UpstreamTransport.ClientKey, hedged: HedgedRequest?
    ) async throws -> (HTTPResponseHead, Exchange) {
        let start: @Sendable () throws -> Exchange = {
            try transport.start(
                request, by: key, answerTimeout: configuration.answerTimeout, stallTimeout: configuration.stallTimeout)
        }
        let begin = ContinuousClock.now
        let outcome: HedgedExchange.Outcome
        if let hedged, let delay = pacing.begin(hedged) {
            outcome = try await HedgedExchange(
                start: start, delay: delay, mayAskAgain: { pacing.mayAskAgain(hedged) }
            ).run()
        } else {
            let exchange = try start()
            outcome = .init(head: try await exchange.head(), exchange: exchange, isSecond: nil)
        }
        if let hedged {
            pacing.record(hedged, after: ContinuousClock.now - begin)
            if let isSecond = outcome.isSecond { pacing.askedAgain(hedged, isWon: isSecond) }
        }
        pacing.observe(
            status: Int(outcome.head.status.code), headers: outcome.head.headers, wallClock: clock.now().seconds)
        return (outcome.head, outcome.exchange)
    }

    private func clientKey(for address: WebAddress, allowed: AddressClass) throws(Failure)
        -> UpstreamTransport.ClientKey
    {
        let proxy: ProxyAddress?
        switch transport.proxy.decision(for: address) {
        case .direct: proxy = nil
        case .through(let address): proxy = address
        case .malformed: throw Failure(.unreachable(reason: "the proxy setting is malformed"))
        }
        let isOwnHost = try upstream().host == address.host
        return UpstreamTransport.ClientKey(
            tls: address.scheme == .https ? configuration.tls : UpstreamClient.TLS(),
            isOwnHost: isOwnHost || address.scheme == .http, proxy: proxy,
            connectTimeout: configuration.connectTimeout, allowed: proxy == nil ? allowed : .everything,
            localAddress: try localAddress())
    }

    private func localAddress() throws(Failure) -> String? {
        do {
            return try egress.localAddress()
        } catch {
            throw Failure(.unreachable(reason: "the interface \(egress) has no address here"), retry: .afterBackOff)
        }
    }

    /// The networks that a connection to `target`, which the upstream named, may lead to.
    /// - Throws: where it may not be contacted at all, naming why by `refusal`.
    func allowedNetworks(
        for target: WebAddress, refusal: (String) -> UpstreamError
    ) async throws(Failure) -> AddressClass {
        let upstream = try upstream()
        if target.host == upstream.host, target.port == upstream.port { return .everything }
        let isProxied = transport.proxy.decision(for: target) != .direct
        let networks: AddressClass
        if let literal = AddressClass.ofLiteral(target.host) {
            networks = literal
        } else if isProxied {
            return .everything  // Only the proxy knows where the name leads.
        } else {
            networks = try await resolve(target.host)
        }
        if let allowed = AddressPolicy.allowed(target: networks, upstream: .publicNetwork) { return allowed }
        var own = AddressClass.ofLiteral(upstream.host) ?? []
        if own.isEmpty { own = try await resolve(upstream.host) }
        guard let allowed = AddressPolicy.allowed(target: networks, upstream: own) else {
            throw Failure(refusal("it leads to an address of a \(networks.names) network"))
        }
        return allowed
    }

    private func resolve(_ name: String) async throws(Failure) -> AddressClass {
        do {
            let addresses = try await transport.resolver.addresses(of: name, timeout: configuration.connectTimeout)
            return addresses.reduce(into: []) { $0.formUnion(.of($1)) }
        } catch {
            throw Failure(error, hasHead: false)
        }
    }
}
