internal import NIOCore
internal import NIOHTTP1
package import Timekeeping

extension SimulatedHub {
    /// What the limiter says of one GET or HEAD of a manifest, without any HTTP: for models of other caches, which
    /// have no client of their own.
    package enum Verdict: Sendable, Hashable {
        /// - Parameter remaining: what is announced; nil: nothing is.
        case allowed(remaining: Int?)
        /// - Parameter recovery: when the window forgives.
        case spent(recovery: Timestamp?)
    }

    /// Counts a GET or HEAD of a manifest as one of `source`.
    package func ask(_ method: String, repository: String, as source: Source) -> Verdict {
        let now = clock.now()
        return state.update { $0.count(method: method, repository: repository, source: source, now: now).verdict }
    }

    /// Refuses what comes too often, and what shows no token; nil: the registry may answer.
    func refusal(of request: RequestRecord, url: String) -> Answer? {
        let address = countedAddress(request.clientAddress)
        let now = clock.now()
        return state.update { state in
            state.addresses[address, default: AddressTally()].requests += 1
            if let limit = state.settings.abuseLimit,
                !state.abuse[address, default: AbuseWindow()].count(limit: limit, now: now)
            {
                state.addresses[address, default: AddressTally()].refusedAsAbuse += 1
                return Answer.abuseLimited.retryAfter(state.settings.abuseRetryAfterSeconds)
            }
            if request.kind == .token { return state.answer(request, address: address, now: now) }
            return state.challenge(to: request, url: url, now: now)
        }
    }

    /// Counts what a registry is about to answer to a request for a manifest, and puts the limit's fields there.
    func limited(_ answer: Answer, to request: RequestRecord) -> Answer {
        let now = clock.now()
        return state.update { state in
            let source = state.source(of: request)
            let isCounted = answer.status == 200 || state.settings.countsMissing
            let (verdict, limit) = state.count(
                method: isCounted ? request.method : "HEAD", repository: request.repository ?? "", source: source,
                now: now)
            var answer = answer
            var remaining: Int?
            switch verdict {
            case .allowed(let left): remaining = left
            case .spent(let recovery):
                remaining = 0
                answer = Answer.spent(isAnonymous: state.isAnonymous(source))
                if state.settings.sendsPullRetryAfter, let recovery {
                    answer = answer.retryAfter(Int(max(1, (recovery - now).wholeSeconds)))
                }
            }
            if let limit, let remaining, state.announcesNow() {
                let window = "w=\(limit.windowSeconds)"
                answer.headers.replaceOrAdd(name: "ratelimit-limit", value: "\(limit.count);\(window)")
                answer.headers.replaceOrAdd(name: "ratelimit-remaining", value: "\(remaining);\(window)")
                answer.headers.replaceOrAdd(name: "docker-ratelimit-source", value: state.name(of: source))
            }
            return answer
        }
    }
}

extension SimulatedHub.State {
    /// Who is counted for `request`.
    func source(of request: RequestRecord) -> SimulatedHub.Source {
        if case .bearer(let text) = request.authorization, let account = tokens[text]?.account {
            return .account(account)
        }
        return .address(countedAddress(request.clientAddress))
    }

    func isAnonymous(_ source: SimulatedHub.Source) -> Bool {
        if case .address = source { true } else { false }
    }

    func name(of source: SimulatedHub.Source) -> String {
        switch source {
        case .address(let address): address
        case .account(let name): accounts[name]?.id ?? name
        }
    }

    mutating func count(
        method: String, repository: String, source: SimulatedHub.Source, now: Timestamp
    ) -> (verdict: SimulatedHub.Verdict, limit: PullLimit?) {
        let isPull = method == "GET"
        let limit = settings.unlimitedRepositories.contains(repository) ? nil : limit(of: source)
        var tally = tallies[source] ?? SimulatedHub.Tally()
        defer { tallies[source] = tally }
        if !isPull { tally.heads += 1 }
        guard let limit else {
            if isPull { tally.unlimitedPulls += 1 }
            return (.allowed(remaining: nil), nil)
        }
        var window = windows[source] ?? PullWindow()
        defer { windows[source] = window }
        let isAllowed =
            isPull
            ? window.count(limit, now: now)
            : !(settings.refusesHeadsWhenSpent && window.remaining(limit, now: now) == 0)
        guard isAllowed else {
            tally.refusedPulls += 1
            return (.spent(recovery: window.recovery(limit, now: now)), limit)
        }
        if isPull { tally.pulls += 1 }
        return (.allowed(remaining: window.remaining(limit, now: now)), limit)
    }

    fileprivate mutating func announcesNow() -> Bool {
        manifestAnswerCount += 1
        guard settings.announces else { return false }
        return settings.silentEvery.map { manifestAnswerCount % $0 != 0 } ?? true
    }
}

extension Answer {
    /// The words that Docker Hub has for those who are logged in, and for those who are not.
    fileprivate static func spent(isAnonymous: Bool) -> Answer {
        isAnonymous
            ? error(
                429, "TOOMANYREQUESTS",
                "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit")
            : pullLimited
    }

    static let abuseLimited = Answer(
        429, headers: ["Content-Type": "text/plain; charset=utf-8"], body: .init(string: "Too Many Requests\n"))
}
