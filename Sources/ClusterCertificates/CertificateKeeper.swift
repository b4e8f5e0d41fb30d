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
        while !Task.isCancelled {
            var isDone = false
            do {
                isDone = try await !step()
            } catch {
                guard !Task.isCancelled else { return }
                logger.error("the webhook's certificates cannot be looked after", metadata: ["reason": "\(error)"])
                isDone = true
            }
            // One change at a time, and the next at once.
            if isDone { do { try await sleep(configuration.interval) } catch { return } }
        }
    }

    /// - Returns: whether something was changed, so that another look is due.
    func step() async throws -> Bool {
        let secret = try await client.find(address)
        if let secret, secret.at("metadata", "labels", Self.label)?.string != "weir" {
            throw CertificateKeeperError.foreignSecret("\(address)")
        }
        let state = secret.flatMap { CertificateState(secret: $0) }
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
            guard let current = try await client.find(address) else {
                // Not installed yet, or no longer: there is nobody to tell.
                logger.debug("a webhook configuration is not there", metadata: ["name": "\(address)"])
                continue
            }
            guard let patch = BundlePatch.patch(for: current, bundle: bundle) else { continue }
            do throws(KubernetesError) {
                try await client.patch(address, .json, patch)
                logger.notice("a webhook configuration was told the authorities", metadata: ["name": "\(address)"])
            } catch {
                // It was changed meanwhile; the next look sees how.
                guard error.isConflict || error.status?.code == 422 else { throw error }
                isKnown = false
            }
        }
        return isKnown
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
