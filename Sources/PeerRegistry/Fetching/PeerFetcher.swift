internal import AsyncHTTPClient
internal import Logging
internal import OCI
internal import PeerRouting
internal import Synchronization

/// Fetches content from peers and from the central cache, and remembers whom not to ask.
struct PeerFetcher: Sendable {
    final class Memory: Sendable {
        struct State {
            var times = FetchTimes()
            var standing = PeerStanding()
        }
        let state = Mutex(State())
    }

    let configuration: PeerRegistryConfiguration
    let searches: PeerSearches
    let peers: PeerClient
    let central: PeerClient
    let metrics: NodeMetrics
    let logger: Logger
    let memory = Memory()

    var hedges: [Duration] { memory.state.withLock { $0.times.hedges } }

    // MARK: Whom to ask

    func sources(of peer: ContentPeer) -> [PeerSource] {
        peer.addresses.prefix(Self.addressMax).map {
            .peer(peer.identifier, address: $0, port: configuration.registryPort, usesTLS: configuration.usesTLS)
        }
    }

    /// The one that is least busy with us; nil where all are set aside.
    func choose(_ sources: [PeerSource]) -> PeerSource? {
        let now = ContinuousClock.now
        return memory.state.withLock { state in
            sources.filter { !state.standing.isSetAside($0.origin, now: now) }
                .min { state.standing.load($0.origin) < state.standing.load($1.origin) }
        }
    }

    func note(success source: PeerSource, after time: Duration) {
        memory.state.withLock { $0.times.record(time) }
    }

    func noteFruitless(after time: Duration) {
        logger.trace("no peer answers", metadata: ["after": "\(time)"])
    }

    /// Sets a peer aside: for long where it lied, for a moment where it does not answer. That it has not what it said is
    /// no fault: content is removed, and records live on for minutes.
    func note(_ failure: PeerFailure, of source: PeerSource) {
        guard !Task.isCancelled else { return }
        let offence = failure.offence
        metrics.record(offence)
        let isBanned = offence == .lied && source.kind == .peer
        let time = isBanned ? configuration.banTime : configuration.setAsideTime
        switch offence {
        case .lied:
            logger.warning(
                "a peer sent wrong bytes and is set aside",
                metadata: ["peer": "\(source.identifier)", "origin": "\(source.origin)", "failure": "\(failure)"])
        case .failed, .absent:
            logger.debug(
                "a peer is of no help", metadata: ["origin": "\(source.origin)", "failure": "\(failure)"])
        }
        guard offence != .absent else { return }
        memory.state.withLock { $0.standing.note(offence, of: source.origin, until: .now + time) }
    }

    // MARK: Asking

    /// - Parameter limit: for the head of the answer.
    func ask(
        _ question: PeerQuestion, of source: PeerSource, within limit: Duration
    ) async -> Result<PeerResponse, PeerFailure> {
        memory.state.withLock { $0.standing.begin(source.origin) }
        defer { memory.state.withLock { $0.standing.end(source.origin) } }
        let client = source.kind == .peer ? peers : central
        return await withTaskGroup(of: Result<PeerResponse, PeerFailure>?.self) { group in
            group.addTask {
                do throws(PeerFailure) {
                    return .success(try await client.ask(question, of: source))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? .failure(.unreachable("not in time"))
        }
    }

    /// Opens what the question asks for at the first place that has it, in the configured order.
    /// - Parameter excluded: places that have had their turn.
    func open(_ question: PeerQuestion, key: RoutingKey, excluding excluded: Set<PeerSource>) async -> PeerResponse? {
        for source in configuration.order {
            switch source {
            case .peers:
                let search = searches.search(key)
                let isOld = search.isOver
                let race = PeerRace(search: search, fetcher: self, excluded: excluded)
                if let response = await race.run(question) { return response }
                guard isOld, !Task.isCancelled else { continue }
                // Those that were remembered are of no help; others may have it meanwhile.
                searches.forget(key)
                let second = PeerRace(search: searches.search(key), fetcher: self, excluded: excluded)
                if let response = await second.run(question) { return response }
            case .central:
                if case .success(let response)? = await askCentral(question, excluding: excluded) { return response }
            }
            if Task.isCancelled { return nil }
        }
        return nil
    }

    /// Nil where there is no central cache, or where it was of no help a moment ago.
    func askCentral(
        _ question: PeerQuestion, excluding excluded: Set<PeerSource>
    ) async -> Result<PeerResponse, PeerFailure>? {
        guard let origin = configuration.central else { return nil }
        let source = PeerSource.central(origin)
        guard !excluded.contains(source), choose([source]) != nil else { return nil }
        let result = await ask(question, of: source, within: configuration.centralTimeout)
        if case .failure(let failure) = result, failure.isOutage { note(failure, of: source) }
        return result
    }

    private static let addressMax = 3
}

extension PeerFailure {
    /// Whether the central cache cannot be asked, rather than having said no.
    var isOutage: Bool {
        switch self {
        case .unreachable, .malformed, .wrongBytes, .tooLarge: true
        case .refused(let status): status >= 500 || status == 429 || status == 408
        }
    }
}
