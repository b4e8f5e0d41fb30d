internal import Logging
package import Timekeeping

/// Runs something on one replica of many, by a Lease.
package struct LeaderElector: Sendable {
    private let client: KubernetesClient
    private let address: ObjectAddress
    private let identity: String
    private let timing: ElectionState.Timing
    private let clock: any WallClock

    /// - Parameters:
    ///   - name: the Lease's.
    ///   - identity: this replica's, unlike any other's: the pod's name.
    package init(
        _ client: KubernetesClient, namespace: String, name: String, identity: String,
        timing: ElectionState.Timing = .init(), clock: any WallClock = SystemWallClock()
    ) {
        self.client = client
        address = ObjectAddress(.leases, namespace: namespace, name: name)
        self.identity = identity
        self.timing = timing
        self.clock = clock
    }

    /// Runs `lead` while this replica leads, and cancels it when it no longer does, until cancelled; then gives the lease
    /// back. A `lead` that returns is not run again before the lease was lost.
    package func run(_ lead: @escaping @Sendable () async -> Void) async {
        var state = ElectionState(identity: identity, timing: timing)
        let start = ContinuousClock.now
        let elapsed = { ContinuousClock.now - start }
        // A task of its own, since it ends and begins again while the loop goes on; never left behind.
        var leading: Task<Void, Never>?
        var failed = false
        while !Task.isCancelled {
            let problem = await step(&state, elapsed)
            if let problem, !failed, !Task.isCancelled {
                client.logger.warning(
                    "the lease cannot be looked after; nothing that it is for is done here until it can",
                    metadata: ["lease": "\(address)", "reason": "\(problem)"])
            }
            failed = problem != nil
            if state.isLeading(at: elapsed()) {
                if leading == nil {
                    client.logger.notice("this replica leads", metadata: ["lease": "\(address)"])
                    leading = Task { await lead() }
                }
            } else if let lost = leading {
                client.logger.warning("this replica no longer leads", metadata: ["lease": "\(address)"])
                lost.cancel()
                await lost.value
                leading = nil
            }
            try? await client.sleep(timing.retryInterval)
        }
        leading?.cancel()
        await leading?.value
        await release(state)
    }

    /// One look at the lease, and what follows from it. Bounded well below the renewal's deadline.
    /// - Returns: why it came to nothing, unless somebody else was faster.
    private func step(_ state: inout ElectionState, _ elapsed: () -> Duration) async -> String? {
        let (client, address) = (client, address)
        let began = elapsed()
        do {
            let lease = try await within(timing.renewDeadline / 3) { try await client.find(address) }
            let wallTime = RFC3339.microTime(milliseconds: clock.now().milliseconds)
            let action = state.action(on: lease.map { ElectionRecord($0) }, now: elapsed(), wallTime: wallTime)
            switch action {
            case .wait: break
            case .create(let record):
                let document = document(record, over: nil)
                _ = try await within(timing.renewDeadline / 3) { try await client.create(document, at: address) }
                state.took(record, start: began)
            case .update(let record):
                let document = document(record, over: lease)
                _ = try await within(timing.renewDeadline / 3) { try await client.replace(address, with: document) }
                state.took(record, start: began)
            }
        } catch {
            client.logger.debug("the lease could not be renewed", metadata: ["reason": "\(error)"])
            if let error = error as? KubernetesError, error.isConflict || error.isAlreadyExisting { return nil }
            return "\(error)"
        }
        return nil
    }

    private func document(_ record: ElectionRecord, over lease: JSONTree?) -> JSONTree {
        var document = lease ?? ["metadata": ["name": .string(address.name)]]
        document["apiVersion"] = .string(ResourceKind.leases.apiVersion)
        document["kind"] = .string(ResourceKind.leases.kind)
        document["spec"] = record.specification
        return document
    }

    /// In a task that is not cancelled, since this one is.
    private func release(_ state: ElectionState) async {
        let (client, address, identity) = (client, address, identity)
        guard let record = state.release(wallTime: RFC3339.microTime(milliseconds: clock.now().milliseconds)) else {
            return
        }
        let specification = record.specification
        await Task {
            _ = try? await within(.seconds(3)) {
                guard var lease = try await client.find(address), ElectionRecord(lease).holder == identity else {
                    return
                }
                lease["spec"] = specification
                try await client.replace(address, with: lease)
            }
        }.value
    }
}
