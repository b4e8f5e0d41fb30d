/// What goes wrong at an upstream, as an operator tells it apart.
package enum OutageCondition: String, Sendable, CaseIterable {
    /// No connection, no answer in time, or an answer that makes no sense.
    case unreachable
    /// 5xx.
    case serverError
    /// 429.
    case rateLimited
    /// 401 or 403.
    case unauthorized
    /// 404.
    case notFound
}

/// What a client gets while an upstream cannot be asked: for each condition, what is cached or the upstream's error.
package struct OutagePolicy: Sendable, Hashable {
    package enum Answer: Sendable, Hashable {
        /// What is cached, saying so. `maximumAge` bounds the time since the upstream last confirmed it; nil: none.
        case serveStale(maximumAge: Duration?)
        /// The upstream's own error.
        case passOn
    }

    package var unreachable: Answer
    package var serverError: Answer
    package var rateLimited: Answer
    package var unauthorized: Answer
    package var notFound: Answer

    /// Default: what is cached, however old.
    package init(
        unreachable: Answer = .serveStale(maximumAge: nil), serverError: Answer = .serveStale(maximumAge: nil),
        rateLimited: Answer = .serveStale(maximumAge: nil), unauthorized: Answer = .serveStale(maximumAge: nil),
        notFound: Answer = .serveStale(maximumAge: nil)
    ) {
        self.unreachable = unreachable
        self.serverError = serverError
        self.rateLimited = rateLimited
        self.unauthorized = unauthorized
        self.notFound = notFound
    }

    package func answer(to condition: OutageCondition) -> Answer {
        switch condition {
        case .unreachable: unreachable
        case .serverError: serverError
        case .rateLimited: rateLimited
        case .unauthorized: unauthorized
        case .notFound: notFound
        }
    }

    /// Whether something that the upstream last confirmed `age` ago may be served under `condition`.
    package func servesStale(under condition: OutageCondition, age: Duration) -> Bool {
        switch answer(to: condition) {
        case .passOn: false
        case .serveStale(let maximumAge): maximumAge.map { age <= $0 } ?? true
        }
    }
}
