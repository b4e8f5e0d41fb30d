import CoreMetrics
import NIOCore
import OCI
import RegistryTestKit
import Synchronization
import Testing
import Upstream

@testable import UpstreamClient

/// Keeps what is counted, by label and dimensions.
final class RecordingMetrics: MetricsFactory, Sendable {
    struct Key: Hashable, Sendable {
        var label: String
        var dimensions: [String: String]
    }

    final class Handler: CounterHandler, RecorderHandler, TimerHandler, Sendable {
        let key: Key
        let metrics: RecordingMetrics

        init(_ key: Key, _ metrics: RecordingMetrics) {
            self.key = key
            self.metrics = metrics
        }

        func increment(by amount: Int64) { metrics.add(key, Double(amount)) }
        func reset() {}
        func record(_ value: Int64) { metrics.set(key, Double(value)) }
        func record(_ value: Double) { metrics.set(key, value) }
        func recordNanoseconds(_ duration: Int64) { metrics.add(key, 1) }
    }

    private let values = Mutex<[Key: Double]>([:])

    static let shared: RecordingMetrics = {
        let metrics = RecordingMetrics()
        MetricsSystem.bootstrap(metrics)
        return metrics
    }()

    fileprivate func add(_ key: Key, _ amount: Double) { values.withLock { $0[key, default: 0] += amount } }
    fileprivate func set(_ key: Key, _ amount: Double) { values.withLock { $0[key] = amount } }

    /// What one rule's metrics stand at.
    func of(rule: String) -> [Key: Double] { values.withLock { $0.filter { $0.key.dimensions["rule"] == rule } } }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { make(label, dimensions) }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        make(label, dimensions)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { make(label, dimensions) }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}

    private func make(_ label: String, _ dimensions: [(String, String)]) -> Handler {
        Handler(Key(label: label, dimensions: Dictionary(dimensions) { first, _ in first }), self)
    }
}

@Suite(.timeLimit(.minutes(2)))
struct MetricsTests {
    @Test func `requests, bytes and tokens are counted for their rule`() async throws {
        let metrics = RecordingMetrics.shared
        try await Harness.run(configure: { configuration, _ in configuration.name = "counted" }) { harness in
            harness.registry.access = .bearer(TokenAuthority())
            harness.registry.rateLimit = RateLimit(limit: 100, remaining: 10)
            let image = harness.registry.addImage(repository: "library/nginx", tag: "latest")
            _ = try await harness.client.manifestBytes()
            let blob = image.blobs[1]
            _ = try await harness.client.wholeBlob(blob.digest)
            func value(_ label: String, _ dimensions: [String: String] = [:]) -> Double? {
                let all = dimensions.merging(["rule": "counted"]) { first, _ in first }
                return metrics.of(rule: "counted")[RecordingMetrics.Key(label: label, dimensions: all)]
            }
            #expect(value("weir_upstream_requests_total", ["method": "GET", "outcome": "401"]) == 1)
            #expect(value("weir_upstream_requests_total", ["method": "GET", "outcome": "2xx"]) == 3)
            #expect(value("weir_upstream_request_seconds", ["method": "GET"]) == 4)
            #expect(value("weir_upstream_token_requests_total", ["outcome": "ok"]) == 1)
            let received = try #require(value("weir_upstream_received_bytes_total"))
            #expect(received >= Double(image.index.size + blob.size))
            #expect(received < Double(image.index.size + blob.size + 1000))
        }
    }

    @Test func `labels are few, whatever the upstream says`() {
        let outcomes = Set((100..<700).map { UpstreamMetrics.outcome($0) })
        #expect(outcomes == ["2xx", "3xx", "4xx", "5xx", "401", "403", "404", "429", "other"])
        let errors: [UpstreamError] = [
            .unreachable(reason: "a"), .unreachable(reason: "b"), .redirectRefused(reason: "c"),
            .realmRefused(realm: "d"),
        ]
        #expect(
            Set(errors.map { UpstreamMetrics.outcome($0) }) == ["unreachable", "redirect_refused", "realm_refused"])
    }
}
