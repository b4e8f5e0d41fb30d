internal import HTTPSemantics
internal import Metrics
internal import NIOHTTP1
internal import Upstream

/// What is counted of one rule's upstream. Labels are few and known beforehand: the rule, the method, what came of it.
struct UpstreamMetrics: Sendable {
    private let rule: String
    private let receivedBytes: Counter

    init(rule: String) {
        self.rule = rule
        receivedBytes = Counter(label: "weir_upstream_received_bytes_total", dimensions: [("rule", rule)])
    }

    /// An answer's head that came.
    func answered(_ method: HTTPMethod, status: Int, after time: Duration) {
        count(method, Self.outcome(status))
        Timer(
            label: "weir_upstream_request_seconds", dimensions: [("rule", rule), ("method", method.rawValue)]
        ).record(duration: time)
    }

    /// A request without an answer.
    func failed(_ method: HTTPMethod, _ error: UpstreamError) { count(method, Self.outcome(error)) }

    func received(bytes: Int) { receivedBytes.increment(by: bytes) }

    func tokenRequest(_ outcome: String) {
        Counter(
            label: "weir_upstream_token_requests_total", dimensions: [("rule", rule), ("outcome", outcome)]
        ).increment()
    }

    private func count(_ method: HTTPMethod, _ outcome: String) {
        Counter(
            label: "weir_upstream_requests_total",
            dimensions: [("rule", rule), ("method", method.rawValue), ("outcome", outcome)]
        ).increment()
    }

    static func outcome(_ status: Int) -> String {
        switch status {
        case 401, 403, 404, 429: "\(status)"
        case 200..<300: "2xx"
        case 300..<400: "3xx"
        case 400..<500: "4xx"
        case 500..<600: "5xx"
        default: "other"
        }
    }

    static func outcome(_ error: UpstreamError) -> String {
        switch error {
        case .unreachable: "unreachable"
        case .timedOut: "timeout"
        case .cancelled: "cancelled"
        case .redirectRefused: "redirect_refused"
        case .unauthorized: "unauthorized"
        case .rateLimited, .budgetSpent: "429"
        case .credentialsUnavailable: "no_credentials"
        case .realmRefused: "realm_refused"
        case .tokenEndpoint: "token_endpoint"
        case .notFound, .serverError, .unexpectedStatus, .malformedAnswer, .truncated, .tooLarge: "error"
        }
    }
}
