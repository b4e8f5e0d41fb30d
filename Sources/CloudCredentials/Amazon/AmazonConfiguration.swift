/// How an account of Amazon ECR is had.
package struct AmazonConfiguration: Sendable, Hashable {
    /// Where the keys that sign the request come from.
    package enum KeySource: String, Sendable, Hashable, CaseIterable {
        /// The first that the environment names: keys, web identity, container, profile. Never the instance's
        /// metadata.
        case automatic = "auto"
        case environment
        case profile
        case webIdentity = "web-identity"
        case container
        case instance
    }

    package enum Registry: Sendable, Hashable {
        case ofAccount(region: String)
        /// public.ecr.aws.
        case ofAll
    }

    package var registry: Registry
    package var keys: KeySource
    /// Nil: as the environment says, else `default`.
    package var profile: String?
    /// In place of Amazon's own; for private endpoints, and tests.
    package var endpoint: String?
    package var tokenServiceEndpoint: String?
    package var metadataEndpoint: String?

    package init(
        registry: Registry, keys: KeySource = .automatic, profile: String? = nil, endpoint: String? = nil,
        tokenServiceEndpoint: String? = nil, metadataEndpoint: String? = nil
    ) {
        self.registry = registry
        self.keys = keys
        self.profile = profile
        self.endpoint = endpoint
        self.tokenServiceEndpoint = tokenServiceEndpoint
        self.metadataEndpoint = metadataEndpoint
    }

    /// The registry that `host` is: `ACCOUNT.dkr.ecr.REGION.amazonaws.com`, or `public.ecr.aws`.
    package static func registry(of host: String) -> Registry? {
        if host == "public.ecr.aws" { return .ofAll }
        let parts = host.split(separator: ".").map(String.init)
        guard parts.count >= 6, parts[1] == "dkr", parts[2] == "ecr" || parts[2] == "ecr-fips",
            parts[4] == "amazonaws"
        else { return nil }
        return .ofAccount(region: parts[3])
    }

    /// Public ECR gives tokens in one region alone.
    var region: String {
        switch registry {
        case .ofAccount(let region): region
        case .ofAll: "us-east-1"
        }
    }

    var domain: String { region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com" }
}
