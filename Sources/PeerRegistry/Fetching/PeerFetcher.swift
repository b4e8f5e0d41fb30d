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
            /// How often in a row the central cache could not be asked.
            var centralOutages = 0
            /// Why it could not, for people; nil once it could.
            var centralTrouble: String?
            /// When a certificate was last complained of.
            var certificateWarning: ContinuousClock.Instant?
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
    ///
    /// The central cache is never set aside for what it sends or breaks off: while it is not asked peers may say what a tag
    /// names, and they are not to bring that about (``askCentral(_:excluding:)`` alone does).
    func note(_ failure: PeerFailure, of source: PeerSource) {
        guard !Task.isCancelled else { return }
        let offence = failure.offence
        metrics.record(offence)
        let time = offence == .lied ? configuration.banTime : configuration.setAsideTime
        switch offence {
        case .lied:
            logger.warning(
                "wrong bytes were sent",
                metadata: ["peer": "\(source.identifier)", "origin": "\(source.origin)", "failure": "\(failure)"])
        case .tls: warnOfCertificate(failure, of: source)
        case .failed, .absent:
            logger.debug(
                "a peer is of no help", metadata: ["origin": "\(source.origin)", "failure": "\(failure)"])
        }
        guard offence != .absent, source.kind == .peer else { return }
        memory.state.withLock { $0.standing.note(offence, of: source.origin, until: .now + time) }
    }

    /// It is the settings' fault, and nothing else tells of it; of many peers one line is enough.
    private func warnOfCertificate(_ failure: PeerFailure, of source: PeerSource) {
        let isNews = memory.state.withLock { state in
            if let last = state.certificateWarning, .now - last < Self.warningPause { return false }
            state.certificateWarning = .now
            return true
        }
        logger.log(
            level: isNews ? .warning : .debug, "a peer and this node do not agree on a certificate",
            metadata: ["origin": "\(source.origin)", "failure": "\(failure)"])
    }

    private static let warningPause = Duration.seconds(60)

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
                let race = PeerRace(search: searches.search(key), fetcher: self, excluded: excluded)
                let first = await race.run(question)
                if let response = first.response { return response }
                guard first.foundCount > 0, !Task.isCancelled else { continue }
                // Those that were found are of no help; there may be others, and some may have it meanwhile.
                searches.forget(key)
                let second = PeerRace(search: searches.search(key), fetcher: self, excluded: first.asked)
                if let response = await second.run(question).response { return response }
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
        let isDoubtful = memory.state.withLock { $0.centralOutages > 0 }
        let limit =
            isDoubtful
            ? min(configuration.centralDoubtTimeout, configuration.centralTimeout) : configuration.centralTimeout
        let result = await ask(question, of: source, within: limit)
        guard !Task.isCancelled else { return result }
        if case .failure(let failure) = result, failure.isOutage {
            noteOutage(failure, of: source)
        } else {
            memory.state.withLock { state in
                state.centralOutages = 0
                state.centralTrouble = nil
            }
        }
        return result
    }

    /// The central cache could not be asked: it is not asked for a while, for longer each time in a row.
    private func noteOutage(_ failure: PeerFailure, of source: PeerSource) {
        metrics.record(.failed)
        logger.warning(
            "the central cache does not answer", metadata: ["origin": "\(source.origin)", "failure": "\(failure)"])
        memory.state.withLock { state in
            let pause = configuration.setAsideTime * (1 << min(state.centralOutages, Self.outageDoublings))
            state.centralOutages += 1
            state.centralTrouble = "\(failure)"
            state.standing.note(.failed, of: source.origin, until: .now + pause)
        }
    }

    private static let outageDoublings = 3

    private static let addressMax = 3
}

extension PeerFailure {
    /// Whether the central cache cannot be asked, rather than having said no.
    var isOutage: Bool {
        switch self {
        case .unreachable, .untrusted, .malformed, .wrongBytes, .tooLarge: true
        case .refused(let status): status >= 500 || status == 429 || status == 408
        }
    }
}
