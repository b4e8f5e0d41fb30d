internal import CoreMetrics
internal import NIOCore
internal import Synchronization

/// Requests under Spegel's names and labels, for its dashboards. <https://github.com/spegel-org/spegel>,
/// `pkg/httpx/middleware.go`.
///
/// `@unchecked` since swift-metrics does not say so of its own types: every one of them is a reference to a handler that
/// may be used from any thread, and those that are made later are behind the mutex.
final class SpegelRequestMetrics: @unchecked Sendable {
    /// The pattern that answers a request. What none answers is not counted.
    enum Handler: String, CaseIterable {
        case registry = "/v2/*"
        case live = "/livez"
        case ready = "/readyz"

        init?(_ request: Request) {
            guard request.method != .other else { return nil }
            let path = request.target.prefix { $0 != "?" }
            switch path {
            case "/livez": self = .live
            case "/readyz": self = .ready
            case "/v2": self = .registry
            default:
                guard path.hasPrefix("/v2/") else { return nil }
                self = .registry
            }
        }
    }

    private struct Key: Hashable {
        let handler: Handler
        let method: Request.Method
        let status: Int
    }

    private struct Series {
        let seconds: Timer
        let bytes: Recorder
    }

    private let inflight = Dictionary(
        uniqueKeysWithValues: Handler.allCases.map {
            ($0, Meter(label: "http_requests_inflight", dimensions: [("handler", $0.rawValue)]))
        })
    /// As many as there are statuses that Weir gives.
    private let series = Mutex<[Key: Series]>([:])

    /// For each, ``ended(_:status:bytes:nanoseconds:)`` has to follow.
    func began(_ request: Request) { Handler(request).flatMap { inflight[$0] }?.increment(by: 1) }

    func ended(_ request: Request, status: Int, bytes: Int64, nanoseconds: Int64) {
        guard let handler = Handler(request) else { return }
        inflight[handler]?.decrement(by: 1)
        let series = series(Key(handler: handler, method: request.method, status: status))
        series.seconds.recordNanoseconds(nanoseconds)
        series.bytes.record(bytes)
    }

    private func series(_ key: Key) -> Series {
        series.withLock { known in
            if let series = known[key] { return series }
            let dimensions = [
                ("handler", key.handler.rawValue), ("method", key.method.name), ("code", "\(key.status)"),
            ]
            let made = Series(
                seconds: Timer(label: "http_request_duration_seconds", dimensions: dimensions),
                bytes: Recorder(label: "http_response_size_bytes", dimensions: dimensions, aggregate: true))
            known[key] = made
            return made
        }
    }
}
