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
        /// What keeps accounts from being used, each with its account's name.
        package var problems: [String]

        package init(
            name: String, prefix: String?, host: String?, upstream: String, account: String, quotas: [Quota],
            problems: [String] = []
        ) {
            self.name = name
            self.prefix = prefix
            self.host = host
            self.upstream = upstream
            self.account = account
            self.quotas = quotas
            self.problems = problems
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
