internal import Listening

extension OperationalAnswer {
    /// What everybody asks who watches over a process: `/healthz`, `/readyz` and `/metrics`.
    /// - Parameter problem: why it cannot answer; nil while it can.
    static func pages(
        problem: @escaping @Sendable () async -> String?, metrics: @escaping @Sendable () async -> String
    ) -> [String: @Sendable () async -> OperationalAnswer] {
        [
            "/healthz": { OperationalAnswer(body: "ok\n") },
            "/readyz": {
                guard let problem = await problem() else { return OperationalAnswer(body: "ok\n") }
                return OperationalAnswer(status: 503, body: "\(problem)\n")
            },
            "/metrics": { .metrics(await metrics()) },
        ]
    }

    /// In Prometheus's text format.
    static func metrics(_ text: String) -> OperationalAnswer {
        OperationalAnswer(contentType: "text/plain; version=0.0.4; charset=utf-8", body: text)
    }
}
