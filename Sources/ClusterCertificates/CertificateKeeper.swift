internal import CoreMetrics
package import KubernetesClient
package import Logging
package import Timekeeping

/// Keeps the webhook's certificates current, and known to the API server. Runs on one replica: under a lease.
package struct CertificateKeeper: Sendable {
    package struct Configuration: Sendable, Hashable {
        /// The Secret's.
        package var namespace: String
        package var secretName: String
        package var mutatingConfigurations: [String]
        package var validatingConfigurations: [String]
        package var plan: CertificatePlan
        package var interval: Duration

        package init(
            namespace: String, secretName: String, mutatingConfigurations: [String] = [],
            validatingConfigurations: [String] = [], plan: CertificatePlan, interval: Duration = .seconds(60)
        ) {
            self.namespace = namespace
            self.secretName = secretName
            self.mutatingConfigurations = mutatingConfigurations
            self.validatingConfigurations = validatingConfigurations
            self.plan = plan
            self.interval = interval
        }

        var webhookConfigurations: [ObjectAddress] {
            mutatingConfigurations.map { ObjectAddress(.mutatingWebhookConfigurations, name: $0) }
                + validatingConfigurations.map { ObjectAddress(.validatingWebhookConfigurations, name: $0) }
        }
    }

    /// Marks the Secret as Weir's; another's is never written.
    static let label = "app.kubernetes.io/managed-by"

    private let client: KubernetesClient
    private let configuration: Configuration
    private let clock: any WallClock
    private let sleep: KubernetesClient.Sleep
    private let logger: Logger

    package init(
        client: KubernetesClient, configuration: Configuration, clock: any WallClock = SystemWallClock(),
        sleep: @escaping KubernetesClient.Sleep = { try await Task.sleep(for: $0) }, logger: Logger
    ) {
        self.client = client
        self.configuration = configuration
        self.clock = clock
        self.sleep = sleep
        self.logger = logger
    }

    private var address: ObjectAddress {
        ObjectAddress(.secrets, namespace: configuration.namespace, name: configuration.secretName)
    }

    /// Looks after them until cancelled.
    package func run() async {
        var failures = 0
        while !Task.isCancelled {
            do {
                // One change at a time, and the next at once.
                let isDone = try await !step()
                failures = 0
                if isDone { try await sleep(configuration.interval) }
            } catch {
                guard !Task.isCancelled else { return }
                logger.error("the webhook's certificates cannot be looked after", metadata: ["reason": "\(error)"])
                // Sooner than the next look: pods may wait for what failed.
                let pause = min(configuration.interval, .seconds(1 << min(failures, 6)))
                failures += 1
                do { try await sleep(pause) } catch { return }
            }
        }
    }

    /// - Returns: whether something was changed, so that another look is due.
    func step() async throws -> Bool {
        let secret = try await client.find(address)
        if let secret, secret.at("metadata", "labels", Self.label)?.string != "weir" {
            throw CertificateKeeperError.foreignSecret("\(address)")
        }
        let state = secret.flatMap { CertificateState(secret: $0) }
        if let authority = state.flatMap({ CertificateFacts(pem: $0.authority.certificate) }) {
            Gauge(label: "weir_cluster_authority_expiry_timestamp_seconds").record(authority.notAfter)
        }
        var isBundleKnown = false
        if let state { isBundleKnown = try await spread(state.bundle) }
        let now = clock.now().seconds
        guard let change = try configuration.plan.change(of: state, now: now, isBundleKnown: isBundleKnown) else {
            return false
        }
        return try await write(change, over: secret)
    }

    private func write(_ state: CertificateState, over secret: JSONTree?) async throws(KubernetesError) -> Bool {
        var document: JSONTree =
            secret ?? [
                "type": "kubernetes.io/tls",
                "metadata": [
                    "name": .string(configuration.secretName),
                    "labels": [Self.label: "weir", "app.kubernetes.io/name": "weir"],
                ],
            ]
        document["apiVersion"] = .string(ResourceKind.secrets.apiVersion)
        document["kind"] = .string(ResourceKind.secrets.kind)
        document["data"] = state.data
        do throws(KubernetesError) {
            if secret == nil {
                try await client.create(document, at: address)
            } else {
                // Bound to the version that was read: another leader's work is never overwritten.
                try await client.replace(address, with: document)
            }
        } catch {
            guard error.isConflict || error.isAlreadyExisting else { throw error }
            return true
        }
        logger.notice("the webhook's certificates were renewed", metadata: ["secret": "\(address)"])
        return true
    }

    /// - Returns: whether every webhook configuration has the bundle now.
    private func spread(_ bundle: String) async throws(KubernetesError) -> Bool {
        var isKnown = true
        for address in configuration.webhookConfigurations {
            if try await !tell(address, bundle) { isKnown = false }
        }
        return isKnown
    }

    /// Whoever changes a configuration at the same time is done after so many looks at it.
    private static let patchAttempts = 4

    /// - Returns: whether it has the bundle now, or is not there to be told.
    private func tell(_ address: ObjectAddress, _ bundle: String) async throws(KubernetesError) -> Bool {
        for _ in 1...Self.patchAttempts {
            guard let current = try await client.find(address) else {
                // Not installed yet, or no longer.
                logger.debug("a webhook configuration is not there", metadata: ["name": "\(address)"])
                return true
            }
            guard let patch = BundlePatch.patch(for: current, bundle: bundle) else { return true }
            do throws(KubernetesError) {
                try await client.patch(address, .json, patch)
                logger.notice("a webhook configuration was told the authorities", metadata: ["name": "\(address)"])
                return true
            } catch {
                // It was changed meanwhile.
                guard error.isConflict || error.status?.code == 422 else { throw error }
            }
        }
        return false
    }
}

package enum CertificateKeeperError: Error, Hashable, CustomStringConvertible {
    case foreignSecret(String)

    package var description: String {
        switch self {
        case .foreignSecret(let name):
            "\(name) is there and was not made by Weir; remove it, or name another for the certificates"
        }
    }
}
