internal import CredentialSources
package import Credentials
internal import FoundationEssentials
internal import Timekeeping

/// Tokens of Amazon ECR, good for 12 hours: `GetAuthorizationToken` of the private and the public registry.
package struct ECRTokens: Sendable {
    private struct Token: Decodable {
        var authorizationToken: String
        /// Seconds since 1970.
        var expiresAt: Double?
    }

    private struct PrivateAnswer: Decodable { var authorizationData: [Token] }
    private struct PublicAnswer: Decodable { var authorizationData: Token }

    private let configuration: AmazonConfiguration
    private let client: CloudClient
    private let keys: AmazonKeyChain

    package init(_ configuration: AmazonConfiguration, environment: [String: String], client: CloudClient) {
        self.configuration = configuration
        self.client = client
        keys = AmazonKeyChain(configuration, environment: environment, client: client)
    }

    package func fetch() async throws(CredentialError) -> IssuedCredentials {
        let isPublic = configuration.registry == .ofAll
        let service = isPublic ? "ecr-public" : "ecr"
        let target = isPublic ? "SpencerFrontendService" : "AmazonEC2ContainerRegistry_V20150921"
        var request = CloudRequest(
            method: "POST",
            origin: configuration.endpoint ?? "https://api.\(service).\(configuration.region).\(configuration.domain)",
            fields: [
                ("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "\(target).GetAuthorizationToken"),
            ], body: Array("{}".utf8))
        let signer = SignatureV4(keys: try await keys.keys(), region: configuration.region, service: service)
        signer.sign(&request, at: client.clock.now())
        let answer = try await client.send(request).checked(code: Self.code)
        let token: Token?
        if isPublic {
            token = try answer.decode(PublicAnswer.self).authorizationData
        } else {
            token = try answer.decode(PrivateAnswer.self).authorizationData.first
        }
        guard let token, let data = Data(base64Encoded: token.authorizationToken),
            let pair = String(validating: data, as: UTF8.self), let colon = pair.firstIndex(of: ":")
        else { throw .malformed(reason: "the answer of \(request.host) holds no token") }
        let end = token.expiresAt.flatMap { Int64(exactly: $0.rounded(.down)) }.map { Timestamp(seconds: $0) }
        return IssuedCredentials(
            .basic(username: String(pair[..<colon]), password: String(pair[pair.index(after: colon)...])),
            expiresAt: end ?? client.clock.now() + .seconds(12 * 3600))
    }

    /// `{"__type": "com.amazonaws…#ExpiredTokenException"}`.
    private static func code(_ answer: CloudAnswer) -> String? {
        struct Body: Decodable { var __type: String }
        guard let type = try? answer.decode(Body.self).__type else { return nil }
        return type.split(separator: "#").last.map(String.init)
    }
}
