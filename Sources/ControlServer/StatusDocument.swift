/// What the service holds and does, as the control server tells it. Times are in milliseconds since 1970 (UTC).
package struct StatusDocument: Codable, Hashable, Sendable {
    /// One rule, and what its upstream told about its pull limit.
    package struct Rule: Codable, Hashable, Sendable {
        package var name: String
        package var prefix: String?
        package var host: String?
        /// The API's address: `registry-1.docker.io`.
        package var upstream: String
        /// `anonymous`, the kind of the one account, or how many there are; never the account itself.
        package var account: String
        package var quotas: [Quota]
        package var accounts: [Account]
        /// How the upstream failed when it was last asked: `unreachable` or `serverError`; nil where it answered.
        package var failure: String?

        package init(
            name: String, prefix: String?, host: String?, upstream: String, account: String, quotas: [Quota],
            accounts: [Account] = [], failure: String? = nil
        ) {
            self.name = name
            self.prefix = prefix
            self.host = host
            self.upstream = upstream
            self.account = account
            self.quotas = quotas
            self.accounts = accounts
            self.failure = failure
        }
    }

    /// How an account stands; never the account itself.
    package struct Account: Codable, Hashable, Sendable {
        package var name: String
        /// `unused`, `good`, `about-to-expire`, `renewal-fails`, `expired`, `refused` or `failing`.
        package var condition: String
        /// Whether somebody has to do something about it.
        package var needsAttention: Bool
        /// Where its credentials come from.
        package var origin: String
        package var expiresAt: Int64?
        package var obtainedAt: Int64?
        package var nextAttemptAt: Int64?
        /// Why there are none, or why they are of no use.
        package var reason: String?

        package init(
            name: String, condition: String, needsAttention: Bool, origin: String, expiresAt: Int64? = nil,
            obtainedAt: Int64? = nil, nextAttemptAt: Int64? = nil, reason: String? = nil
        ) {
            self.name = name
            self.condition = condition
            self.needsAttention = needsAttention
            self.origin = origin
            self.expiresAt = expiresAt
            self.obtainedAt = obtainedAt
            self.nextAttemptAt = nextAttemptAt
            self.reason = reason
        }
    }

    /// What an upstream last said of its pull limit to one address or account.
    package struct Quota: Codable, Hashable, Sendable {
        package var source: String?
        package var limit: Int64?
        package var remaining: Int64?
        package var windowSeconds: Int64?
        package var observedAt: Int64

        package init(source: String?, limit: Int64?, remaining: Int64?, windowSeconds: Int64?, observedAt: Int64) {
            self.source = source
            self.limit = limit
            self.remaining = remaining
            self.windowSeconds = windowSeconds
            self.observedAt = observedAt
        }
    }

    /// What is stored, in numbers and bytes.
    package struct Store: Codable, Hashable, Sendable {
        package var directory: String
        package var repositories: Int
        package var tags: Int
        package var manifests: Int
        package var blobs: Int
        package var storedBytes: Int64
        package var limitBytes: Int64?
        package var availableBytes: Int64?

        package init(
            directory: String, repositories: Int, tags: Int, manifests: Int, blobs: Int, storedBytes: Int64,
            limitBytes: Int64?, availableBytes: Int64?
        ) {
            self.directory = directory
            self.repositories = repositories
            self.tags = tags
            self.manifests = manifests
            self.blobs = blobs
            self.storedBytes = storedBytes
            self.limitBytes = limitBytes
            self.availableBytes = availableBytes
        }
    }

    package var version: String
    package var processIdentifier: Int32
    package var startedAt: Int64
    package var uptimeSeconds: Int64
    package var addresses: [String]
    package var store: Store
    package var runningFills: Int
    package var waitingFills: Int
    package var rules: [Rule]

    package init(
        version: String, processIdentifier: Int32, startedAt: Int64, uptimeSeconds: Int64, addresses: [String],
        store: Store, runningFills: Int, waitingFills: Int, rules: [Rule]
    ) {
        self.version = version
        self.processIdentifier = processIdentifier
        self.startedAt = startedAt
        self.uptimeSeconds = uptimeSeconds
        self.addresses = addresses
        self.store = store
        self.runningFills = runningFills
        self.waitingFills = waitingFills
        self.rules = rules
    }
}
