internal import CredentialSources
internal import Credentials
internal import Timekeeping

/// Keys from services that only what runs in Amazon's cloud can reach.
extension AmazonKeyChain {
    private struct Keys: Decodable {
        var accessKeyId: String
        var secretAccessKey: String
        var token: String?
        var expiration: String?

        enum CodingKeys: String, CodingKey {
            case accessKeyId = "AccessKeyId"
            case secretAccessKey = "SecretAccessKey"
            case token = "Token"
            case expiration = "Expiration"
        }

        var keys: AmazonKeys {
            AmazonKeys(
                identifier: accessKeyId, secret: secretAccessKey, sessionToken: token,
                expiresAt: expiration.flatMap(CloudDate.parse))
        }
    }

    /// The agent of ECS, or of EKS pod identities.
    func fromContainer() async throws(CredentialError) -> AmazonKeys {
        var request: CloudRequest
        if let relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            let origin = configuration.metadataEndpoint ?? "http://169.254.170.2"
            guard relative.hasPrefix("/"), let parts = URLText.split(origin + relative) else {
                throw .malformed(reason: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path")
            }
            request = CloudRequest(origin: parts.origin, path: parts.path, isLocal: true)
        } else if let full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            guard let parts = URLText.split(full), Self.mayBeAsked(parts.origin) else {
                throw .malformed(
                    reason: "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither HTTPS nor one of Amazon's local addresses")
            }
            request = CloudRequest(origin: parts.origin, path: parts.path, isLocal: true)
        } else {
            throw .missing(reason: "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI is not set")
        }
        if let file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            request.fields.append(("Authorization", trimmed(try await SecretFile.read(file))))
        } else if let token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            request.fields.append(("Authorization", token))
        }
        return try await client.send(request).checked { _ in nil }.decode(Keys.self).keys
    }

    /// Without TLS only what is on this machine, or is Amazon's own, is shown the token.
    static func mayBeAsked(_ origin: String) -> Bool {
        guard origin.hasPrefix("http://") else { return true }
        let authority = origin.dropFirst(7)
        let host =
            authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        return ["127.0.0.1", "localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]
            .contains(String(host))
    }

    /// The instance's metadata, version 2: a token first, which a forwarding proxy could not have.
    func fromInstance() async throws(CredentialError) -> AmazonKeys {
        let origin = configuration.metadataEndpoint ?? "http://169.254.169.254"
        let token: CloudAnswer
        do throws(CredentialError) {
            token = try await client.send(
                CloudRequest(
                    method: "PUT", origin: origin, path: "/latest/api/token",
                    fields: [("X-aws-ec2-metadata-token-ttl-seconds", "300")], isLocal: true)
            ).checked { _ in nil }
        } catch {
            guard case .unavailable(let reason) = error else { throw error }
            // What is one hop too far away gets no answer at all.
            throw .unavailable(reason: "\(reason); from within a container the instance needs a hop limit of 2")
        }
        let fields = [(name: "X-aws-ec2-metadata-token", value: trimmed(token.body))]
        let path = "/latest/meta-data/iam/security-credentials/"
        let roles = try await client.send(CloudRequest(origin: origin, path: path, fields: fields, isLocal: true))
        guard roles.status != 404 else { throw .missing(reason: "the instance has no role") }
        let role = trimmed(Array(try roles.checked { _ in nil }.body.prefix { $0 != 10 }))
        guard !role.isEmpty, !role.contains("/") else { throw .missing(reason: "the instance has no role") }
        let request = CloudRequest(
            origin: origin, path: path + URLText.escaped(role), fields: fields, isLocal: true)
        return try await client.send(request).checked { _ in nil }.decode(Keys.self).keys
    }
}
