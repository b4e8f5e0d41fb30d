internal import CoreMetrics

/// The server's metrics, made once: looking one up for every request would cost more than a cached answer.
///
/// `@unchecked` since swift-metrics does not say so of its own types: every one of them is a reference to a handler
/// that may be used from any thread, and the tables are never changed.
final class ServerMetrics: @unchecked Sendable {
    /// What answers are counted by: fine enough to alert on, coarse enough to be few.
    enum StatusClass: Int, CaseIterable {
        case success, redirection, notFound, tooManyRequests, clientError, serverError
        /// The connection broke, or was broken, before the answer was complete.
        case aborted

        var name: String {
            switch self {
            case .success: "2xx"
            case .redirection: "3xx"
            case .notFound: "404"
            case .tooManyRequests: "429"
            case .clientError: "4xx"
            case .serverError: "5xx"
            case .aborted: "aborted"
            }
        }

        init(status: Int) {
            switch status {
            case 404: self = .notFound
            case 429: self = .tooManyRequests
            // Weir gives no answer below 200.
            case ..<300: self = .success
            case 300..<400: self = .redirection
            case 400..<500: self = .clientError
            default: self = .serverError
            }
        }
    }

    /// By ``position(_:_:_:)``; nil where there can be no such answer. Looked up for every answer, so not by hashing.
    private let requests: [Counter?]
    /// By the position of the kind among all.
    private let bytes: [Counter]
    private let seconds: [Timer]
    private let connections = Gauge(label: "weir_http_connections")
    private let spegel: SpegelRequestMetrics?

    /// - Parameter usesSpegelNames: whether requests are counted under Spegel's names, too.
    init(usesSpegelNames: Bool = false) {
        spegel = usesSpegelNames ? SpegelRequestMetrics() : nil
        var requests: [Counter?] = []
        for method in Request.Method.allCases {
            for kind in RequestKind.allCases {
                for status in StatusClass.allCases {
                    precondition(requests.count == Self.position(method, kind, status))
                    requests.append(
                        Self.isPossible(method, status)
                            ? Counter(
                                label: "weir_http_requests_total",
                                dimensions: [
                                    ("method", method.name), ("kind", kind.name), ("status", status.name),
                                ]) : nil)
                }
            }
        }
        self.requests = requests
        bytes = RequestKind.allCases.map {
            Counter(label: "weir_http_response_bytes_total", dimensions: [("kind", $0.name)])
        }
        seconds = RequestKind.allCases.map {
            Timer(label: "weir_http_request_seconds", dimensions: [("kind", $0.name)])
        }
    }

    private static let kindCount = RequestKind.allCases.count
    private static let statusCount = StatusClass.allCases.count

    private static func position(_ method: Request.Method, _ kind: RequestKind, _ status: StatusClass) -> Int {
        (method.rawValue * kindCount + kind.rawValue) * statusCount + status.rawValue
    }

    private static func isPossible(_ method: Request.Method, _ status: StatusClass) -> Bool {
        switch status {
        case .success, .redirection: method != .other
        default: true
        }
    }

    /// For each request, ``record(_:kind:status:isComplete:bytes:nanoseconds:)`` has to follow.
    func began(_ request: Request) { spegel?.began(request) }

    func record(
        _ request: Request, kind: RequestKind, status code: Int, isComplete: Bool, bytes count: Int64,
        nanoseconds: Int64
    ) {
        let status = isComplete ? StatusClass(status: code) : .aborted
        requests[Self.position(request.method, kind, status)]?.increment()
        if count > 0 { bytes[kind.rawValue].increment(by: count) }
        seconds[kind.rawValue].recordNanoseconds(nanoseconds)
        spegel?.ended(request, status: code, bytes: count, nanoseconds: nanoseconds)
    }

    func record(connections count: Int) { connections.record(count) }
}
