package import CredentialSources
package import Credentials
internal import FoundationEssentials
internal import Timekeeping

/// How an account of Azure Container Registry is had.
package struct AzureConfiguration: Sendable, Hashable, CustomReflectable {
    package enum Identity: Sendable, Hashable {
        case servicePrincipal(tenant: String, client: String, secret: SecretTemplate)
        /// The machine's own identity, or the one of `client`; of App Service and Container Apps where the environment
        /// names their endpoint.
        case managed(client: String?)
        /// What a federated token file stands for: the environment names it.
        case workload
    }

    package var identity: Identity
    /// The registry's host: `NAME.azurecr.io`.
    package var registry: String
    /// In place of Microsoft's login service, of the machine's metadata service, and of the registry; for other clouds
    /// and tests.
    package var authority: String?
    package var metadataEndpoint: String?
    package var registryEndpoint: String?

    package init(
        _ identity: Identity, registry: String, authority: String? = nil, metadataEndpoint: String? = nil,
        registryEndpoint: String? = nil
    ) {
        self.identity = identity
        self.registry = registry
        self.authority = authority
        self.metadataEndpoint = metadataEndpoint
        self.registryEndpoint = registryEndpoint
    }

    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Refresh tokens of Azure Container Registry, exchanged for tokens of the directory.
package struct AzureTokens: Sendable {
    /// What the registry wants for a name beside a refresh token.
    private static let username = "00000000-0000-0000-0000-000000000000"
    private static let resource = "https://containerregistry.azure.net"

    private let configuration: AzureConfiguration
    private let environment: [String: String]
    private let client: CloudClient

    package init(_ configuration: AzureConfiguration, environment: [String: String], client: CloudClient) {
        self.configuration = configuration
        self.environment = environment
        self.client = client
    }

    private struct Exchanged: Decodable {
        var refreshToken: String
        enum CodingKeys: String, CodingKey { case refreshToken = "refresh_token" }
    }

    package func fetch() async throws(CredentialError) -> IssuedCredentials {
        let now = client.clock.now()
        let request = try await tokenRequest()
        let token = try await client.send(request).checked(code: \.oauthError).decode(OAuthToken.self)
        let exchange = CloudRequest.form(
            configuration.registryEndpoint ?? "https://\(configuration.registry)", "/oauth2/exchange",
            [
                ("grant_type", "access_token"), ("service", configuration.registry),
                ("access_token", try token.text(from: request.host)),
            ])
        let answer = try await client.send(exchange).checked(code: \.oauthError)
        let refresh = try answer.decode(Exchanged.self).refreshToken
        // Three hours, says Microsoft; the token says it itself. Where it does not, an hour is safe.
        let end = Self.end(of: refresh) ?? now + .seconds(3600)
        return IssuedCredentials(.basic(username: Self.username, password: refresh), expiresAt: end)
    }

    private func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

    private func tokenRequest() async throws(CredentialError) -> CloudRequest {
        switch configuration.identity {
        case .servicePrincipal(let tenant, let client, let secret):
            return directory(tenant, client, [("client_secret", try await secret.read())])
        case .managed(let client): return try managed(client)
        case .workload:
            guard let file = variable("AZURE_FEDERATED_TOKEN_FILE"), let tenant = variable("AZURE_TENANT_ID"),
                let client = variable("AZURE_CLIENT_ID")
            else {
                throw .missing(
                    reason: "AZURE_FEDERATED_TOKEN_FILE, AZURE_TENANT_ID and AZURE_CLIENT_ID are not all set")
            }
            let token = String(decoding: try await SecretFile.read(file), as: UTF8.self).filter { !$0.isWhitespace }
            return directory(
                tenant, client,
                [
                    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                    ("client_assertion", token),
                ])
        }
    }

    /// The directory's token for what a client shows of itself.
    private func directory(
        _ tenant: String, _ client: String, _ proof: [(name: String, value: String)]
    ) -> CloudRequest {
        var origin = configuration.authority ?? variable("AZURE_AUTHORITY_HOST") ?? "https://login.microsoftonline.com"
        if origin.hasSuffix("/") { origin.removeLast() }
        return .form(
            origin, "/\(URLText.escaped(tenant))/oauth2/v2.0/token",
            [("grant_type", "client_credentials"), ("client_id", client), ("scope", "\(Self.resource)/.default")]
                + proof)
    }

    private func managed(_ client: String?) throws(CredentialError) -> CloudRequest {
        let who = client.map { [(name: "client_id", value: $0)] } ?? []
        if let endpoint = variable("IDENTITY_ENDPOINT"), let header = variable("IDENTITY_HEADER") {
            guard let parts = URLText.split(endpoint) else { throw .malformed(reason: "IDENTITY_ENDPOINT is no URL") }
            return CloudRequest(
                origin: parts.origin, path: parts.path,
                query: [("api-version", "2019-08-01"), ("resource", Self.resource)] + who,
                fields: [("X-IDENTITY-HEADER", header)], isLocal: true)
        }
        return CloudRequest(
            origin: configuration.metadataEndpoint ?? "http://169.254.169.254",
            path: "/metadata/identity/oauth2/token",
            query: [("api-version", "2018-02-01"), ("resource", Self.resource)] + who, fields: [("Metadata", "true")],
            isLocal: true)
    }

    /// `exp` of a JSON web token, which is not verified: it is the registry's own, for the registry.
    static func end(of token: String) -> Timestamp? {
        struct Claims: Decodable { var exp: Int64 }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        var text = String(parts[1].map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        text += String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: text), let claims = try? JSONDecoder().decode(Claims.self, from: data)
        else { return nil }
        return Timestamp(seconds: claims.exp)
    }
}
