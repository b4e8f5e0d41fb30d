internal import CoreMetrics
internal import Timekeeping

/// What the routing counts. Made once; counting looks nothing up.
struct RoutingMetrics: Sendable {
    enum LookupOutcome: String, CaseIterable { case found, none, cancelled }

    /// Records of our keys that peers took.
    private let recordsTold = Counter(label: "weir_peer_records_told_total")
    private let lookupTime = Timer(label: "weir_peer_lookup_seconds")
    private let answered = Counter(label: "weir_peer_requests_sent_total", dimensions: [("outcome", "answered")])
    private let failed = Counter(label: "weir_peer_requests_sent_total", dimensions: [("outcome", "failed")])
    private let lookups: [LookupOutcome: Counter]
    private let received: [KademliaMessage.Kind: Counter]

    init() {
        lookups = Dictionary(
            uniqueKeysWithValues: LookupOutcome.allCases.map {
                ($0, Counter(label: "weir_peer_lookups_total", dimensions: [("outcome", $0.rawValue)]))
            })
        let kinds: [(KademliaMessage.Kind, String)] = [
            (.putValue, "put-value"), (.getValue, "get-value"), (.addProvider, "add-provider"),
            (.getProviders, "get-providers"), (.findNode, "find-node"), (.ping, "ping"),
        ]
        received = Dictionary(
            uniqueKeysWithValues: kinds.map { kind, name in
                (kind, Counter(label: "weir_peer_requests_received_total", dimensions: [("kind", name)]))
            })
    }

    func countSent(isAnswered: Bool) { (isAnswered ? answered : failed).increment() }

    func countTold(_ count: Int) { recordsTold.increment(by: count) }

    func countReceived(_ kind: KademliaMessage.Kind) { received[kind]?.increment() }

    func countLookup(isFound: Bool, isCancelled: Bool, took time: Duration) {
        let outcome: LookupOutcome = isFound ? .found : isCancelled ? .cancelled : .none
        lookups[outcome]?.increment()
        lookupTime.recordNanoseconds(time.wholeNanoseconds)
    }
}
