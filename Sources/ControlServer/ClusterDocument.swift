/// The images that a cluster's pods use.
package struct ClusterDocument: Codable, Hashable, Sendable {
    package struct Image: Codable, Hashable, Sendable {
        /// As pods write it.
        package var image: String
        /// The rule and repository that it is pulled by; nil where Weir does not serve it.
        package var rule: String?
        package var repository: String?
        /// What a pull would give, as far as is known, and what runs, where the runtime says so.
        package var digest: String?
        package var runningDigest: String?
        package var podCount: Int
        /// A few of them.
        package var namespaces: [String]
        /// Of the nodes that run it, where they are known.
        package var platforms: [String]
        /// Whether it could be pulled with every upstream gone.
        package var isPullable: Bool
        /// Whether such a pull would give other content than runs.
        package var isOtherContent: Bool
        /// Why it could not be pulled, or what is to be known of it.
        package var reasons: [String]
        /// Bytes of blobs that are not stored.
        package var missingBytes: Int64

        package init(
            image: String, rule: String? = nil, repository: String? = nil, digest: String? = nil,
            runningDigest: String? = nil, podCount: Int, namespaces: [String], platforms: [String], isPullable: Bool,
            isOtherContent: Bool = false, reasons: [String], missingBytes: Int64 = 0
        ) {
            self.image = image
            self.rule = rule
            self.repository = repository
            self.digest = digest
            self.runningDigest = runningDigest
            self.podCount = podCount
            self.namespaces = namespaces
            self.platforms = platforms
            self.isPullable = isPullable
            self.isOtherContent = isOtherContent
            self.reasons = reasons
            self.missingBytes = missingBytes
        }
    }

    /// Whether all pods were told at least once.
    package var isComplete: Bool
    /// When the API server was last heard, in milliseconds since 1970; nil: never.
    package var lastHeard: Int64?
    /// Why the API server cannot be followed now; nil while it can.
    package var problem: String?
    package var podCount: Int
    package var images: [Image]

    package init(isComplete: Bool, lastHeard: Int64?, problem: String?, podCount: Int, images: [Image]) {
        self.isComplete = isComplete
        self.lastHeard = lastHeard
        self.problem = problem
        self.podCount = podCount
        self.images = images
    }
}
