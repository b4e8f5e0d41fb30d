internal import JSON
package import Logging

/// Turns a request's body into an answer's.
package struct ReviewResponder: Sendable {
    struct Answer: Sendable {
        var status: Int
        var contentType = "application/json"
        var body: [UInt8]

        static func refusal(_ status: Int, _ text: String) -> Answer {
            Answer(status: status, contentType: "text/plain; charset=utf-8", body: Array("\(text)\n".utf8))
        }
    }

    /// What is kept of the API server's patience for the way back.
    private static let margin = Duration.milliseconds(250)

    private let mutator: PodMutator
    private let validator: PodValidator
    private let metrics = WebhookMetrics.shared
    private let logger: Logger

    package init(mutator: PodMutator, validator: PodValidator, logger: Logger) {
        self.mutator = mutator
        self.validator = validator
        self.logger = logger
    }

    /// - Parameter timeout: how long the API server waits; nil: longer than any budget here.
    func answer(
        _ kind: ReviewKind, _ body: [UInt8], timeout: Duration?, since start: ContinuousClock.Instant
    ) async -> Answer {
        let request: AdmissionRequest
        do throws(AdmissionReviewError) {
            request = try AdmissionRequest(body)
        } catch {
            metrics.reviewed(kind, .malformed, in: .now - start)
            logger.debug("a review cannot be read", metadata: ["reason": "\(error)"])
            return .refusal(error.isTooLarge ? 413 : 400, "weir: \(error)")
        }
        let response: AdmissionResponse
        switch kind {
        case .mutate:
            // API servers wait for whole seconds; one that waits less than the margin twice is given half.
            let patience = timeout.map { max($0 - Self.margin, $0 / 2) } ?? .seconds(30)
            response = await mutator.response(to: request, until: start + patience)
        case .validate: response = validator.response(to: request)
        }
        let elapsed = ContinuousClock.now - start
        metrics.reviewed(kind, Self.outcome(response, isOverdue: timeout.map { elapsed > $0 } ?? false), in: elapsed)
        return Answer(status: 200, body: response.encoded())
    }

    private static func outcome(_ response: AdmissionResponse, isOverdue: Bool) -> WebhookMetrics.Outcome {
        if isOverdue { return .overdue }
        if response.verdict != .allowed { return .denied }
        return response.patch.isEmpty ? .unchanged : .changed
    }
}

extension AdmissionReviewError {
    fileprivate var isTooLarge: Bool {
        if case .notJSON(.tooLarge) = self { return true }
        return false
    }
}
