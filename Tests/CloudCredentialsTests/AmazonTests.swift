import Credentials
import Foundation
import RegistryTestKit
import Testing
import Timekeeping

@testable import CloudCredentials

@Suite(.timeLimit(.minutes(1))) struct AmazonTests {
    private let clock = ManualWallClock(Timestamp(seconds: 1_700_000_000))
    private static let keys = ["AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hush"]

    /// Verifies the signature with the secret of `AKID`, as ECR does, and gives a token.
    private func registry(_ service: String = "ecr", secret: String = "hush", session: String? = nil) async throws
        -> StandIn
    {
        let now = clock.now()
        return try await StandIn { request in
            let scope = "Credential=AKID/20231114/eu-central-1/\(service)/aws4_request"
            let publicScope = "Credential=AKID/20231114/us-east-1/\(service)/aws4_request"
            guard let shown = request["Authorization"],
                shown.contains(service == "ecr" ? scope : publicScope), request["X-Amz-Security-Token"] == session
            else { return .json(#"{"__type":"com.amazon.coral#InvalidSignatureException"}"#, status: 400) }
            var again = CloudRequest(
                method: request.method, origin: "http://\(request["Host"] ?? "")", path: request.path,
                fields: request.fields.filter { ["content-type", "x-amz-target"].contains($0.name.lowercased()) },
                body: Array(request.body.utf8))
            SignatureV4(
                keys: AmazonKeys(identifier: "AKID", secret: secret, sessionToken: session),
                region: service == "ecr" ? "eu-central-1" : "us-east-1", service: service
            ).sign(&again, at: now)
            guard again.fields.last?.value == shown, request.body == "{}" else {
                return .json(#"{"__type":"UnrecognizedClientException"}"#, status: 400)
            }
            let token = Data("AWS:token-of-12h".utf8).base64EncodedString()
            let entry = #"{"authorizationToken":"\#(token)","expiresAt":1.7000431E9}"#
            switch request["X-Amz-Target"] {
            case "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken" where service == "ecr":
                return .json(#"{"authorizationData":[\#(entry)]}"#)
            case "SpencerFrontendService.GetAuthorizationToken" where service == "ecr-public":
                return .json(#"{"authorizationData":\#(entry)}"#)
            default: return .json(#"{"__type":"UnknownOperationException"}"#, status: 400)
            }
        }
    }

    private func fetch(
        _ configuration: AmazonConfiguration, _ environment: [String: String], limit: Duration = .seconds(10)
    ) async throws -> IssuedCredentials {
        try await ECRTokens(
            configuration, environment: environment, client: CloudClient(clock: clock, timeLimit: limit)
        ).fetch()
    }

    private func configuration(
        _ registry: StandIn, _ keys: AmazonConfiguration.KeySource = .automatic, metadata: String? = nil,
        tokens: String? = nil
    ) -> AmazonConfiguration {
        AmazonConfiguration(
            registry: .ofAccount(region: "eu-central-1"), keys: keys, endpoint: registry.origin,
            tokenServiceEndpoint: tokens, metadataEndpoint: metadata)
    }

    private let issued = IssuedCredentials(
        .basic(username: "AWS", password: "token-of-12h"), expiresAt: Timestamp(seconds: 1_700_043_100))

    @Test func `a registry is known by its host`() {
        #expect(
            AmazonConfiguration.registry(of: "123456789012.dkr.ecr.eu-central-1.amazonaws.com")
                == .ofAccount(region: "eu-central-1"))
        #expect(
            AmazonConfiguration.registry(of: "1.dkr.ecr.cn-north-1.amazonaws.com.cn")
                == .ofAccount(region: "cn-north-1"))
        #expect(AmazonConfiguration.registry(of: "public.ecr.aws") == .ofAll)
        #expect(AmazonConfiguration.registry(of: "docker.io") == nil)
    }

    @Test func `keys of the environment get a token of the private registry`() async throws {
        let registry = try await registry()
        #expect(try await fetch(configuration(registry), Self.keys) == issued)
    }

    @Test func `keys of the environment get a token of the public registry`() async throws {
        let registry = try await registry("ecr-public")
        let configuration = AmazonConfiguration(registry: .ofAll, endpoint: registry.origin)
        #expect(try await fetch(configuration, Self.keys) == issued)
    }

    @Test func `a wrong secret, and a wrong region, are refusals that name the reason`() async throws {
        let registry = try await registry(secret: "other")
        var elsewhere = configuration(registry)
        elsewhere.registry = .ofAccount(region: "us-west-2")
        for (configuration, word) in [
            (configuration(registry), "UnrecognizedClientException"), (elsewhere, "InvalidSignatureException"),
        ] {
            let error = await #expect(throws: CredentialError.self) { try await fetch(configuration, Self.keys) }
            guard case .refused(let reason)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(reason.contains(word) && !reason.contains("hush"))
        }
    }

    @Test func `a profile of the shared file gives keys`() async throws {
        let registry = try await registry()
        let file = try Scratch(
            """
            [default]
            aws_access_key_id = OTHER
            # a comment
            [ ours ]
            aws_access_key_id=AKID
            aws_secret_access_key =  hush
            [sso]
            sso_session = x
            """)
        var configuration = configuration(registry)
        configuration.profile = "ours"
        let environment = ["AWS_SHARED_CREDENTIALS_FILE": file.path]
        #expect(try await fetch(configuration, environment) == issued)
        for (profile, words) in [("sso", "no static keys"), ("none", "no profile")] {
            configuration.profile = profile
            let error = await #expect(throws: CredentialError.self) { try await fetch(configuration, environment) }
            #expect(error?.description.contains(words) == true)
        }
    }

    @Test func `a web identity is exchanged for keys with a session token`() async throws {
        let registry = try await registry(session: "session")
        let service = try await StandIn { request in
            let form = request.form
            guard form["Action"] == "AssumeRoleWithWebIdentity", form["RoleArn"] == "arn:aws:iam::1:role/weir",
                form["WebIdentityToken"] == "jwt+/="
            else { return StandIn.Answer(status: 400, body: "<Error><Code>ExpiredTokenException</Code></Error>") }
            return StandIn.Answer(
                body: "<R><Credentials><AccessKeyId>AKID</AccessKeyId><SecretAccessKey>hush</SecretAccessKey>"
                    + "<SessionToken>session</SessionToken></Credentials></R>")
        }
        let file = try Scratch("jwt+/=\n"), expired = try Scratch("old")
        let configuration = configuration(registry, tokens: service.origin)
        let role = ["AWS_ROLE_ARN": "arn:aws:iam::1:role/weir"]
        #expect(
            try await fetch(configuration, role.merging(["AWS_WEB_IDENTITY_TOKEN_FILE": file.path]) { $1 }) == issued)
        let error = await #expect(throws: CredentialError.self) {
            try await fetch(configuration, role.merging(["AWS_WEB_IDENTITY_TOKEN_FILE": expired.path]) { $1 })
        }
        #expect(error?.description.contains("ExpiredTokenException") == true)
    }

    private static let metadataKeys =
        #"{"Code":"Success","AccessKeyId":"AKID","SecretAccessKey":"hush","Token":"session","#
        + #""Expiration":"2023-11-15T04:13:20Z"}"#

    @Test func `a container's agent gives keys for the token of its file`() async throws {
        let registry = try await registry(session: "session")
        let agent = try await StandIn { request in
            request["Authorization"] == "pod" && request.path == "/v1/credentials"
                ? .json(Self.metadataKeys) : StandIn.Answer(status: 401)
        }
        let file = try Scratch("pod\n")
        let environment = [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(agent.origin)/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file.path,
        ]
        #expect(try await fetch(configuration(registry), environment) == issued)
    }

    @Test(arguments: [
        ("http://evil.io/x", false), ("http://169.254.170.23/v1", true), ("http://[fd00:ec2::23]/v1", true),
        ("https://any.io/x", true), ("http://127.0.0.1.evil.io/", false), ("http://localhost:80/", true),
    ])
    func `a container's token goes to local addresses alone`(_ url: String, _ isFit: Bool) throws {
        let parts = try #require(URLText.split(url))
        #expect(AmazonKeyChain.mayBeAsked(parts.origin) == isFit)
    }

    @Test func `the instance's metadata are asked with a token that was put first`() async throws {
        let registry = try await registry(session: "session")
        let metadata = try await StandIn { request in
            if request.method == "PUT" {
                let isFit =
                    request.path == "/latest/api/token"
                    && request["X-aws-ec2-metadata-token-ttl-seconds"] == "300"
                return isFit ? StandIn.Answer(body: "imds-token") : StandIn.Answer(status: 400)
            }
            // Version 1, without a token, is switched off.
            guard request["X-aws-ec2-metadata-token"] == "imds-token" else { return StandIn.Answer(status: 401) }
            switch request.path {
            case "/latest/meta-data/iam/security-credentials/": return StandIn.Answer(body: "weir-role")
            case "/latest/meta-data/iam/security-credentials/weir-role": return .json(Self.metadataKeys)
            default: return StandIn.Answer(status: 404)
            }
        }
        #expect(try await fetch(configuration(registry, .instance, metadata: metadata.origin), [:]) == issued)
        #expect(metadata.requests.map(\.method) == ["PUT", "GET", "GET"])
    }

    @Test(arguments: [(404, ""), (200, ""), (200, "\n"), (200, "../../token"), (200, "a/b\n")])
    func `an instance without a role has no keys, and no other path is asked for`(
        _ status: Int, _ roles: String
    ) async throws {
        let registry = try await registry()
        let metadata = try await StandIn { request in
            request.method == "PUT" ? StandIn.Answer(body: "t") : StandIn.Answer(status: status, body: roles)
        }
        let error = await #expect(throws: CredentialError.self) {
            try await fetch(configuration(registry, .instance, metadata: metadata.origin), [:])
        }
        #expect(error == .missing(reason: "the instance has no role"))
        #expect(metadata.requests.count == 2)
        #expect(registry.requests.isEmpty)
    }

    @Test(arguments: [
        ("eu-central-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn"), ("us-gov-west-1", "amazonaws.com"),
    ])
    func `China has a domain of its own`(_ region: String, _ domain: String) async throws {
        let client = CloudClient(clock: clock, route: { .closed(reason: $0) })
        let configuration = AmazonConfiguration(registry: .ofAccount(region: region))
        let error = await #expect(throws: CredentialError.self) {
            try await ECRTokens(configuration, environment: Self.keys, client: client).fetch()
        }
        #expect(error?.description.contains("https://api.ecr.\(region).\(domain)") == true)
    }

    @Test func `an answer beyond its limit is refused, though it be understood`() async throws {
        let token = Data("AWS:t".utf8).base64EncodedString()
        for (padding, isTaken) in [(200_000, true), (300_000, false)] {
            let registry = try await StandIn { _ in
                .json(
                    #"{"authorizationData":[{"authorizationToken":"\#(token)"}]}"#
                        + String(repeating: " ", count: padding))
            }
            let issued = try? await fetch(configuration(registry), Self.keys)
            #expect((issued != nil) == isTaken)
            // Where no end is told, it is the one that Amazon documents.
            if isTaken { #expect(issued?.expiresAt == clock.now() + .seconds(12 * 3600)) }
        }
    }

    @Test func `an instance that is a hop too far away says what helps`() async throws {
        let registry = try await registry()
        let metadata = try await StandIn { _ in StandIn.Answer(isWithheld: true) }
        let error = await #expect(throws: CredentialError.self) {
            try await fetch(
                configuration(registry, .instance, metadata: metadata.origin), [:], limit: .milliseconds(200))
        }
        #expect(error?.description.contains("hop limit") == true)
        #expect(registry.requests.isEmpty)
    }

    @Test func `metadata are contacted only where they are configured`() async throws {
        let registry = try await registry()
        let metadata = try await StandIn { _ in .json(Self.metadataKeys) }
        await #expect(throws: CredentialError.self) {
            try await fetch(configuration(registry, metadata: metadata.origin), ["HOME": "/nonexistent"])
        }
        #expect(metadata.requests.isEmpty)
    }

    @Test(arguments: [
        (503, "{}", true), (429, "{}", true), (400, #"{"__type":"ThrottlingException"}"#, true),
        (403, #"{"__type":"AccessDeniedException"}"#, false), (302, "", false),
    ])
    func `what passes is told from what does not`(_ status: Int, _ body: String, _ passes: Bool) async throws {
        let registry = try await StandIn { _ in .json(body, status: status, fields: ["Location": "http://127.0.0.1:1"])
        }
        let error = await #expect(throws: CredentialError.self) { try await fetch(configuration(registry), Self.keys) }
        if case .unavailable? = error { #expect(passes) } else { #expect(!passes) }
        #expect(registry.requests.count == 1)
    }

    @Test(arguments: [
        "", "[]", #"{"authorizationData":[]}"#, #"{"authorizationData":[{"authorizationToken":"%%%"}]}"#,
        #"{"authorizationData":[{"authorizationToken":"aHVzaA=="}]}"#, String(repeating: "x", count: 300_000),
    ])
    func `an answer without a token is told, and not repeated`(_ body: String) async throws {
        let registry = try await StandIn { _ in .json(body) }
        let error = await #expect(throws: CredentialError.self) { try await fetch(configuration(registry), Self.keys) }
        guard case .malformed(let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!reason.contains("hush"))
    }
}
