internal import CredentialSources
internal import Credentials
internal import FoundationEssentials
internal import Timekeeping

/// Finds the keys that requests to Amazon are signed with. What the environment says is read at each renewal.
struct AmazonKeyChain: Sendable {
    let configuration: AmazonConfiguration
    let environment: [String: String]
    let client: CloudClient

    init(_ configuration: AmazonConfiguration, environment: [String: String], client: CloudClient) {
        self.configuration = configuration
        self.environment = environment
        self.client = client
    }

    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

    func keys() async throws(CredentialError) -> AmazonKeys {
        switch configuration.keys {
        case .environment: return try fromEnvironment()
        case .profile: return try await fromProfile()
        case .webIdentity: return try await fromWebIdentity()
        case .container: return try await fromContainer()
        case .instance: return try await fromInstance()
        case .automatic:
            if variable("AWS_ACCESS_KEY_ID") != nil { return try fromEnvironment() }
            if variable("AWS_WEB_IDENTITY_TOKEN_FILE") != nil { return try await fromWebIdentity() }
            if variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ?? variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")
                != nil
            {
                return try await fromContainer()
            }
            return try await fromProfile()
        }
    }

    private func fromEnvironment() throws(CredentialError) -> AmazonKeys {
        guard let identifier = variable("AWS_ACCESS_KEY_ID"), let secret = variable("AWS_SECRET_ACCESS_KEY") else {
            throw .missing(reason: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set")
        }
        return AmazonKeys(identifier: identifier, secret: secret, sessionToken: variable("AWS_SESSION_TOKEN"))
    }

    private func fromProfile() async throws(CredentialError) -> AmazonKeys {
        let home = variable("HOME").map { "\($0)/.aws/credentials" }
        guard let path = variable("AWS_SHARED_CREDENTIALS_FILE") ?? home else {
            throw .missing(reason: "neither AWS_SHARED_CREDENTIALS_FILE nor HOME is set")
        }
        let profile = configuration.profile ?? variable("AWS_PROFILE") ?? "default"
        let text = String(decoding: try await SecretFile.read(path, limitBytes: 1 << 20), as: UTF8.self)
        guard let entries = AmazonProfiles.entries(of: profile, in: text) else {
            throw .missing(reason: "the file \(path) has no profile '\(profile)'")
        }
        guard let identifier = entries["aws_access_key_id"], let secret = entries["aws_secret_access_key"] else {
            throw .missing(reason: "the profile '\(profile)' in \(path) has no static keys")
        }
        return AmazonKeys(identifier: identifier, secret: secret, sessionToken: entries["aws_session_token"])
    }

    /// Security Token Service, `AssumeRoleWithWebIdentity`: needs no signature.
    private func fromWebIdentity() async throws(CredentialError) -> AmazonKeys {
        guard let file = variable("AWS_WEB_IDENTITY_TOKEN_FILE"), let role = variable("AWS_ROLE_ARN") else {
            throw .missing(reason: "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are not both set")
        }
        let token = trimmed(try await SecretFile.read(file))
        let origin = configuration.tokenServiceEndpoint ?? "https://sts.\(configuration.region).\(configuration.domain)"
        let request = CloudRequest.form(
            origin, "/",
            [
                ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
                ("RoleSessionName", variable("AWS_ROLE_SESSION_NAME") ?? "weir"), ("WebIdentityToken", token),
            ])
        let answer = try await client.send(request).checked { XMLText.element("Code", in: $0.body) }
        guard let identifier = XMLText.element("AccessKeyId", in: answer.body),
            let secret = XMLText.element("SecretAccessKey", in: answer.body),
            let session = XMLText.element("SessionToken", in: answer.body)
        else { throw .malformed(reason: "the answer of \(request.host) holds no keys") }
        return AmazonKeys(identifier: identifier, secret: secret, sessionToken: session)
    }

    func trimmed(_ bytes: [UInt8]) -> String {
        String(String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace })
    }
}

/// Amazon's shared file of profiles, an INI file.
enum AmazonProfiles {
    static func entries(of profile: String, in text: String) -> [String: String]? {
        var entries: [String: String]?
        var isInside = false
        for line in text.split(whereSeparator: \.isNewline) {
            let line = trim(line)
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if line.hasPrefix("["), let end = line.firstIndex(of: "]") {
                isInside = trim(line[line.index(after: line.startIndex)..<end]) == profile
                if isInside { entries = entries ?? [:] }
            } else if isInside, let equals = line.firstIndex(of: "=") {
                entries?[trim(line[..<equals]).lowercased()] = String(trim(line[line.index(after: equals)...]))
            }
        }
        return entries
    }

    private static func trim(_ text: Substring) -> Substring {
        var text = text.drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text = text.dropLast() }
        return text
    }
}

/// The text of one element; enough for the flat answers of Amazon's oldest API, whose values need no escapes.
enum XMLText {
    static func element(_ name: String, in bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let start = text.firstRange(of: "<\(name)>"),
            let end = text[start.upperBound...].firstRange(of: "</\(name)>")
        else { return nil }
        let value = text[start.upperBound..<end.lowerBound]
        return value.isEmpty || value.contains("<") || value.contains("&") ? nil : String(value)
    }
}
