internal import CoreMetrics
internal import OCI
internal import PeerGrants
internal import Synchronization
internal import Timekeeping

/// What a node counts; under Spegel's names as well, where its dashboards are to go on working.
package final class NodeMetrics: @unchecked Sendable {
    // `@unchecked` since swift-metrics does not say so of its own types: each refers to a handler that may be used from
    // any thread, and those made later are behind the mutex.

    /// Where an answer came from.
    package enum Origin: String, Sendable, CaseIterable {
        case local, peer, central, none
    }

    private let answers: [String: Counter]
    private let failures: [PeerStanding.Offence: Counter]
    private let refusals = Dictionary(
        uniqueKeysWithValues: GrantError.allCases.map {
            ($0, Counter(label: "weir_node_grant_refusals_total", dimensions: [("reason", $0.rawValue)]))
        })
    private let bytes = Counter(label: "weir_node_peer_bytes_total")
    private let resumed = Counter(label: "weir_node_resumed_total")
    private let lookups = Timer(label: "weir_node_lookup_seconds")
    private let keys = Gauge(label: "weir_node_advertised_keys")
    private let spegel: SpegelMetrics?

    /// - Parameter usesSpegelNames: whether everything is counted under Spegel's names, too.
    package init(usesSpegelNames: Bool = false) {
        var answers: [String: Counter] = [:]
        for kind in ["manifest", "blob"] {
            for origin in Origin.allCases {
                answers["\(kind) \(origin)"] = Counter(
                    label: "weir_node_answers_total", dimensions: [("kind", kind), ("from", origin.rawValue)])
            }
        }
        self.answers = answers
        failures = Dictionary(
            uniqueKeysWithValues: PeerStanding.Offence.allCases.map {
                ($0, Counter(label: "weir_node_peer_failures_total", dimensions: [("reason", $0.rawValue)]))
            })
        spegel = usesSpegelNames ? SpegelMetrics() : nil
    }

    func record(_ kind: String, from origin: Origin, registry: RegistryHost) {
        answers["\(kind) \(origin)"]?.increment()
        if origin != .local { spegel?.mirrored(registry, isHit: origin != .none) }
    }

    func record(bytes count: Int) { bytes.increment(by: count) }
    func record(refused error: GrantError) { refusals[error]?.increment() }
    func recordResumption() { resumed.increment() }
    func record(_ offence: PeerStanding.Offence) { failures[offence]?.increment() }

    func record(lookup time: Duration) {
        lookups.recordNanoseconds(time.wholeNanoseconds)
        spegel?.resolved(time)
    }

    func record(_ keys: AdvertisedKeys) {
        self.keys.record(keys.all.count)
        spegel?.advertised(keys)
    }
}

/// Spegel's own names. <https://github.com/spegel-org/spegel>, `pkg/metrics`.
private final class SpegelMetrics: @unchecked Sendable {
    // `@unchecked` for the reason that ``NodeMetrics`` gives.
    private let lastSuccess = Gauge(label: "spegel_mirror_last_success_timestamp_seconds")
    private let resolve = Timer(
        label: "spegel_resolve_duration_seconds", dimensions: [("router", "libp2p")], preferredDisplayUnit: .seconds)
    private let known = Mutex<Set<RegistryHost>>([])
    /// More registries than these are not told apart.
    private static let registryMax = 100

    private func label(_ registry: RegistryHost) -> String {
        known.withLock { known in
            if known.contains(registry) { return registry.description }
            guard known.count < Self.registryMax else { return "other" }
            known.insert(registry)
            return registry.description
        }
    }

    func mirrored(_ registry: RegistryHost, isHit: Bool) {
        Counter(
            label: "spegel_mirror_requests_total",
            dimensions: [("registry", label(registry)), ("cache", isHit ? "hit" : "miss")]
        ).increment()
        if isHit { lastSuccess.record(UnixTime.now) }
    }

    func resolved(_ time: Duration) { resolve.recordNanoseconds(time.wholeNanoseconds) }

    func advertised(_ keys: AdvertisedKeys) {
        let registries = Set(keys.tags.keys).union(keys.contents.keys)
        for registry in registries.union(known.withLock { $0 }) {
            let dimensions = [("registry", label(registry))]
            let images = (keys.tags[registry] ?? 0) + (keys.images[registry] ?? 0)
            // Of versions before 0.0.31, which its dashboard still asks for.
            Gauge(label: "spegel_advertised_images", dimensions: dimensions).record(images)
            Gauge(label: "spegel_advertised_keys", dimensions: dimensions)
                .record((keys.tags[registry] ?? 0) + (keys.contents[registry] ?? 0))
            Gauge(label: "spegel_advertised_image_tags", dimensions: dimensions).record(keys.tags[registry] ?? 0)
            Gauge(label: "spegel_advertised_image_digests", dimensions: dimensions)
                .record(keys.images[registry] ?? 0)
            Gauge(label: "spegel_advertised_content_digests", dimensions: dimensions)
                .record(keys.contents[registry] ?? 0)
        }
    }
}
