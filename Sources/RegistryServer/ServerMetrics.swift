internal import CoreMetrics

/// The server's metrics, made once: looking one up for every request would cost more than a cached answer.
///
/// `@unchecked` since swift-metrics does not say so of its own types: every one of them is a reference to a handler
/// that may be used from any thread, and the tables are never changed.
final class ServerMetrics: @unchecked Sendable {
    /// What answers are counted by: fine enough to alert on, coarse enough to be few.
    enum StatusClass: String, CaseIterable {
        case informational = "1xx"
        case success = "2xx"
        case redirection = "3xx"
        case notFound = "404"
        case tooManyRequests = "429"
        case clientError = "4xx"
        case serverError = "5xx"
        /// The connection broke, or was broken, before the answer was complete.
        case aborted

        init(status: Int) {
            switch status {
            case 404: self = .notFound
            case 429: self = .tooManyRequests
            case 100..<200: self = .informational
            case 200..<300: self = .success
            case 300..<400: self = .redirection
            case 400..<500: self = .clientError
            default: self = .serverError
            }
        }
    }

    private struct Key: Hashable {
        var method: Request.Method
        var kind: RequestKind
        var status: StatusClass
    }

    private let requests: [Key: Counter]
    private let bytes: [RequestKind: Counter]
    private let seconds: [RequestKind: Timer]
    private let connections = Gauge(label: "weir_http_connections")

    init() {
        var requests: [Key: Counter] = [:]
        for method in Request.Method.allCases {
            for kind in RequestKind.allCases {
                for status in StatusClass.allCases where Self.isPossible(method, status) {
                    requests[Key(method: method, kind: kind, status: status)] = Counter(
                        label: "weir_http_requests_total",
                        dimensions: [
                            ("method", method.rawValue), ("kind", kind.rawValue), ("status", status.rawValue),
                        ])
                }
            }
        }
        self.requests = requests
        bytes = Dictionary(
            uniqueKeysWithValues: RequestKind.allCases.map {
                ($0, Counter(label: "weir_http_response_bytes_total", dimensions: [("kind", $0.rawValue)]))
            })
        seconds = Dictionary(
            uniqueKeysWithValues: RequestKind.allCases.map {
                ($0, Timer(label: "weir_http_request_seconds", dimensions: [("kind", $0.rawValue)]))
            })
    }

    private static func isPossible(_ method: Request.Method, _ status: StatusClass) -> Bool {
        switch status {
        case .informational: false
        case .success, .redirection: method != .other
        default: true
        }
    }

    func record(
        method: Request.Method, kind: RequestKind, status: StatusClass, bytes count: Int64, nanoseconds: Int64
    ) {
        requests[Key(method: method, kind: kind, status: status)]?.increment()
        if count > 0 { bytes[kind]?.increment(by: count) }
        seconds[kind]?.recordNanoseconds(nanoseconds)
    }

    func record(connections count: Int) { connections.record(count) }
}
