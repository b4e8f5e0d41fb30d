internal import NIOCore

extension TestRegistry {
    /// Who may pull.
    package var access: Access {
        get { state.read { $0.access } }
        set { state.update { $0.access = newValue } }
    }

    /// Whose tokens `/token` gives out here; nil: there is no such endpoint. An authority demanded by ``access``
    /// without a realm is served in any case.
    package var tokenAuthority: TokenAuthority? {
        get {
            state.read { state in
                if let authority = state.tokenAuthority { return authority }
                if case .bearer(let authority, nil) = state.access { return authority }
                return nil
            }
        }
        set { state.update { $0.tokenAuthority = newValue } }
    }

    /// The pull limit, announced on every manifest answer; nil: none.
    package var rateLimit: RateLimit? {
        get { state.read { $0.rateLimit } }
        set { state.update { $0.rateLimit = newValue } }
    }

    /// Docker Hub's limiters and accounts in place of ``access`` and ``rateLimit``; nil: those hold.
    package var hub: SimulatedHub? {
        get { state.read { $0.hub } }
        set { state.update { $0.hub = newValue } }
    }

    /// Whether there is a referrers API; otherwise it answers 404.
    package var supportsReferrers: Bool {
        get { state.read { $0.supportsReferrers } }
        set { state.update { $0.supportsReferrers = newValue } }
    }

    /// Lets the answers to matching requests go wrong, from now on until ``remove(_:)``.
    @discardableResult
    package func inject(_ fault: Fault, for matcher: RequestMatcher = .all) -> InjectedFault {
        let injected = InjectedFault(fault, matcher)
        state.update { $0.faults.append(injected) }
        return injected
    }

    /// Ends a fault, and lets go what it held up.
    package func remove(_ fault: InjectedFault) {
        state.update { $0.faults.removeAll { $0 === fault } }
        fault.release()
    }

    package func removeAllFaults() {
        let faults = state.update { state in
            defer { state.faults = [] }
            return state.faults
        }
        for fault in faults { fault.release() }
    }

    // MARK: What was asked

    /// Every request in the order of arrival, with what became of it until now.
    package var requests: [RequestRecord] { state.read { Array($0.visibleLog) } }

    package func requests(matching matcher: RequestMatcher) -> [RequestRecord] {
        state.read { $0.visibleLog.filter(matcher.matches) }
    }

    package func requestCount(matching matcher: RequestMatcher = .all) -> Int {
        state.read { $0.visibleLog.count(where: matcher.matches) }
    }

    /// Shows and counts only what comes from now on.
    package func forgetRequests() { state.update { $0.forgottenCount = $0.log.count } }

    /// Connections that are open now.
    package var openConnectionCount: Int { listener.openConnectionCount }
    /// Connections that were ever made.
    package var connectionCount: Int { listener.connectionCount }

    /// Returns once `count` matching requests have arrived.
    package func waitForRequests(count: Int, matching matcher: RequestMatcher = .all) async throws {
        try await state.wait(for: "\(count) requests") { $0.visibleLog.count(where: matcher.matches) >= count }
    }

    /// Returns once `count` matching requests have come to this end.
    package func waitFor(
        _ progress: RequestRecord.Progress, count: Int = 1, matching matcher: RequestMatcher = .all
    ) async throws {
        try await state.wait(for: "\(count) requests to be \(progress)") { state in
            state.visibleLog.count { $0.progress == progress && matcher.matches($0) } >= count
        }
    }

    /// Returns once no more than `count` connections are open.
    package func waitForOpenConnections(atMost count: Int) async throws {
        try await listener.waitForOpenConnections(atMost: count)
    }
}

extension TestRegistry.State {
    var visibleLog: ArraySlice<RequestRecord> { log[forgottenCount...] }
}
