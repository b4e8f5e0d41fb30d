internal import PeerRouting
internal import Synchronization

/// Asks several peers for the same thing and takes the first that answers well.
///
/// One is asked as soon as one is known; further ones when the first takes longer than most, at once when one fails.
struct PeerRace: Sendable {
    private enum Event: Sendable {
        case found(ContentPeer?)
        case answered(PeerSource, Result<PeerResponse, PeerFailure>, Duration)
        case hedge
        case patienceOver
    }

    let search: PeerSearch
    let fetcher: PeerFetcher
    /// Peers that have had their turn.
    let excluded: Set<PeerSource>
    /// Peers asked at the same time, and in all.
    private static let concurrency = 4
    private static let attemptMax = 8

    struct Outcome: Sendable {
        /// Nil where nobody answers well.
        let response: PeerResponse?
        /// Peers that have had their turn by now.
        let asked: Set<PeerSource>
        /// How many the search had found.
        let foundCount: Int
    }

    func run(_ question: PeerQuestion) async -> Outcome {
        await withTaskGroup(of: Event.self) { group in
            var state = RaceState(
                excluded: excluded, concurrency: Self.concurrency, attemptMax: Self.attemptMax)
            let began = ContinuousClock.now
            waitForPeer(at: 0, &group)
            startPatience(&group)
            for delay in fetcher.hedges { wait(delay, then: .hedge, &group) }
            while let event = await group.next() {
                switch event {
                case .found(let peer):
                    if let peer {
                        state.candidates += fetcher.sources(of: peer)
                        state.foundCount += 1
                        waitForPeer(at: state.foundCount, &group)
                    } else {
                        state.isSearchOver = true
                    }
                case .hedge: state.wanted += 1
                case .patienceOver: state.isPatienceOver = true
                case .answered(let source, .success(let response), let time):
                    fetcher.note(success: source, after: time)
                    group.cancelAll()
                    return Outcome(response: response, asked: state.asked, foundCount: state.foundCount)
                case .answered(let source, .failure(let failure), _):
                    state.running -= 1
                    fetcher.note(failure, of: source)
                }
                while let source = state.next(fetcher.choose) { ask(source, question, &group) }
                if state.isLost { break }
            }
            group.cancelAll()
            fetcher.noteFruitless(after: ContinuousClock.now - began)
            return Outcome(response: nil, asked: state.asked, foundCount: state.foundCount)
        }
    }

    private func waitForPeer(at index: Int, _ group: inout TaskGroup<Event>) {
        group.addTask { .found(await search.peer(at: index)) }
    }

    private func startPatience(_ group: inout TaskGroup<Event>) {
        wait(fetcher.configuration.resolveTimeout, then: .patienceOver, &group)
    }

    private func wait(_ time: Duration, then event: Event, _ group: inout TaskGroup<Event>) {
        group.addTask {
            try? await Task.sleep(for: time)
            return event
        }
    }

    private func ask(_ source: PeerSource, _ question: PeerQuestion, _ group: inout TaskGroup<Event>) {
        group.addTask {
            let start = ContinuousClock.now
            let result = await fetcher.ask(question, of: source, within: fetcher.configuration.answerTimeout)
            return .answered(source, result, ContinuousClock.now - start)
        }
    }
}

/// Whom to ask next, and when to give up.
struct RaceState: Sendable {
    var candidates: [PeerSource] = []
    var foundCount = 0
    var running = 0
    /// Peers that should be at work now, if there are so many.
    var wanted = 1
    var isSearchOver = false
    var isPatienceOver = false
    private(set) var asked: Set<PeerSource>
    private var askedCount = 0
    private let concurrency: Int
    private let attemptMax: Int

    init(excluded: Set<PeerSource>, concurrency: Int, attemptMax: Int) {
        asked = excluded
        self.concurrency = concurrency
        self.attemptMax = attemptMax
    }

    /// - Parameter choose: the best of some; nil where none of them is to be asked now.
    mutating func next(_ choose: ([PeerSource]) -> PeerSource?) -> PeerSource? {
        guard running < min(wanted, concurrency), askedCount < attemptMax else { return nil }
        let fresh = candidates.filter { !asked.contains($0) }
        candidates = fresh
        guard let chosen = choose(fresh) else { return nil }
        asked.insert(chosen)
        askedCount += 1
        running += 1
        return chosen
    }

    /// Nobody is being asked, and nobody is going to be.
    var isLost: Bool { running == 0 && (isSearchOver || isPatienceOver || askedCount >= attemptMax) }
}
