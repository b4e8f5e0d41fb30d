internal import CredentialSources
package import Credentials
internal import FoundationEssentials
internal import Timekeeping

/// How an account of Google Artifact Registry is had.
package struct GoogleConfiguration: Sendable, Hashable {
    package enum Identity: Sendable, Hashable {
        /// A service account's key, a JSON file.
        case keyFile(path: String)
        /// The machine's own service account; nil: `default`.
        case metadata(account: String?)
    }

    package var identity: Identity
    /// In place of Google's own, of the key file and of the metadata service; for tests.
    package var endpoint: String?

    package init(_ identity: Identity, endpoint: String? = nil) {
        self.identity = identity
        self.endpoint = endpoint
    }
}

/// Access tokens of Google, for `oauth2accesstoken`.
package struct GoogleTokens: Sendable {
    private static let username = "oauth2accesstoken"
    private static let scope = "https://www.googleapis.com/auth/cloud-platform"

    private let configuration: GoogleConfiguration
    private let environment: [String: String]
    private let client: CloudClient

    package init(_ configuration: GoogleConfiguration, environment: [String: String] = [:], client: CloudClient) {
        self.configuration = configuration
        self.environment = environment
        self.client = client
    }

    /// `GCE_METADATA_HOST` is what Google's own libraries take in its place.
    private var metadataService: String {
        if let endpoint = configuration.endpoint { return endpoint }
        guard let host = environment["GCE_METADATA_HOST"], !host.isEmpty else {
            return "http://metadata.google.internal"
        }
        return "http://\(host)"
    }

    package func fetch() async throws(CredentialError) -> IssuedCredentials {
        let request: CloudRequest
        switch configuration.identity {
        case .keyFile(let path): request = try await grant(path)
        case .metadata(let account):
            let name = URLText.escaped(account ?? "default")
            request = CloudRequest(
                origin: metadataService,
                path: "/computeMetadata/v1/instance/service-accounts/\(name)/token",
                fields: [("Metadata-Flavor", "Google")], isLocal: true)
        }
        let now = client.clock.now()
        let answer = try await client.send(request)
        if case .metadata = configuration.identity, answer.metadataFlavor != "Google" {
            throw .unavailable(reason: "\(request.host) is not Google's metadata service")
        }
        let token = try answer.checked(code: \.oauthError).decode(OAuthToken.self)
        return IssuedCredentials(
            .basic(username: Self.username, password: try token.text(from: request.host)),
            expiresAt: now + .seconds(token.expiresIn))
    }

    /// RFC 7523: a token for an assertion that the service account signs.
    private func grant(_ path: String) async throws(CredentialError) -> CloudRequest {
        let key = try ServiceAccountKey(try await SecretFile.read(path), path: path)
        guard let parts = URLText.split(configuration.endpoint ?? key.tokenURI),
            configuration.endpoint != nil || parts.origin.hasPrefix("https://")
        else { throw .malformed(reason: "the key in \(path) names no token service") }
        let assertion = try key.assertion(scope: Self.scope, at: client.clock.now())
        return .form(
            parts.origin, parts.path,
            [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion)])
    }
}
