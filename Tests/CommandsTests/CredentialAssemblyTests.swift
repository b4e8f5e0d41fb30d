import CloudCredentials
import CredentialSources
import Credentials
import Foundation
import Logging
import OCI
import Testing
import Timekeeping
import Yams

@testable import Commands

@Suite struct CredentialAssemblyTests {
    private let logger = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }

    private func read(_ yaml: String, directory: String = "/d") throws -> (CredentialSettings, [String]) {
        let format = Format.group(CredentialSettings.keys(at: \CredentialSettings.self), { CredentialSettings() })
        var reader = SettingsReader(
            source: "weir.yaml", substitution: Substitution(environment: ["S": "hush"], directory: directory))
        let node = try #require(try Yams.Parser(yaml: yaml, encoding: .utf8).singleRoot())
        let settings = format.read(node, nil, &reader) ?? CredentialSettings()
        return (settings, reader.problems.map(\.description))
    }

    private func assemble(
        _ yaml: String, registry: String, written: Bool = false
    ) throws -> (plan: CredentialPlan?, problems: [String]) {
        let (settings, problems) = try read(yaml)
        let assembly = CredentialAssembly(
            settings, beside: written ? .init(source: "weir.yaml", line: 1) : nil,
            address: RegistryAddress(usesTLS: true, host: try RegistryHost(registry)))
        return (assembly.plan, problems + assembly.problems.map(\.description))
    }

    private static let ecr = "1.dkr.ecr.eu-central-1.amazonaws.com"

    private static let plans: [(String, String, CredentialPlan)] = [
        ("dockerConfig: c.json", "r.io", .dockerConfiguration(path: "/d/c.json", server: DockerServer(host: "r.io"))),
        ("dockerConfig: default", "r.io", .dockerConfiguration(path: nil, server: DockerServer(host: "r.io"))),
        ("credentialHelper: pass", "r.io:5", .helper(name: "pass", server: DockerServer(host: "r.io:5"))),
        ("ecr: {}", ecr, .amazon(AmazonConfiguration(registry: .ofAccount(region: "eu-central-1")))),
        ("ecr:", "public.ecr.aws", .amazon(AmazonConfiguration(registry: .ofAll))),
        (
            "ecr: { region: us-east-2, keys: instance, profile: p, endpoint: 'https://vpce.corp' }", "ecr.corp",
            .amazon(
                AmazonConfiguration(
                    registry: .ofAccount(region: "us-east-2"), keys: .instance, profile: "p",
                    endpoint: "https://vpce.corp"))
        ),
        ("gcp: { keyFile: /k.json }", "europe-docker.pkg.dev", .google(GoogleConfiguration(.keyFile(path: "/k.json")))),
        ("gcp: { metadata: true }", "gcr.io", .google(GoogleConfiguration(.metadata(account: nil)))),
        (
            "azure: { identity: managed, client: c }", "weir.azurecr.io",
            .azure(AzureConfiguration(.managed(client: "c"), registry: "weir.azurecr.io"))
        ),
        (
            "azure: { identity: workload }", "weir.azurecr.io",
            .azure(AzureConfiguration(.workload, registry: "weir.azurecr.io"))
        ),
    ]

    @Test(arguments: plans.indices)
    func `an account that is had from elsewhere becomes a plan`(_ index: Int) throws {
        let (yaml, registry, plan) = Self.plans[index]
        let assembled = try assemble(yaml, registry: registry)
        #expect(assembled.plan == plan)
        #expect(assembled.problems == [])
    }

    @Test(arguments: [
        ("ecr: {}", "r.io", "region"), ("gcp: {}", "gcr.io", "keyFile"),
        ("gcp: { keyFile: k, metadata: true }", "gcr.io", "either"), ("azure: {}", "a.azurecr.io", "clientSecret"),
        ("azure: { tenant: t, client: c }", "a.azurecr.io", "clientSecret"),
        ("credentialHelper: ../x", "r.io", "docker-credential-"), ("ecr: { keys: all }", ecr, "one of"),
        ("ecr: { endpoint: 'ftp://x' }", ecr, "endpoint"), ("ecr: {}\ncredentialHelper: x", ecr, "one place"),
    ])
    func `what is no account is told`(_ yaml: String, _ registry: String, _ words: String) throws {
        let problems = try assemble(yaml, registry: registry).problems
        #expect(problems.contains { $0.contains(words) }, "\(problems)")
    }

    @Test func `a name or secret written beside it is told`() throws {
        let problems = try assemble("credentialHelper: x", registry: "r.io", written: true).problems
        #expect(problems.contains { $0.contains("written beside") })
    }

    @Test func `a secret remembers its files, and follows them`() async throws {
        let folder = try Folder()
        try folder.write("one\n", to: "token")
        var reader = SettingsReader(
            source: "x", substitution: Substitution(environment: ["S": "-e"], directory: folder.path))
        let node = Node("a$${${file:token}${env:S}", .init(.str), .doubleQuoted)
        let secret = try #require(Format.secret("a token").read(node, nil, &reader))
        #expect(secret.reveal() == "a${one-e")
        #expect(secret.template.files == ["\(folder.path)/token"])
        try folder.write("two", to: "token")
        #expect(try await secret.template.read() == "a${two-e")
        let plan = CredentialPlan.written(.refreshToken(secret.template))
        let source = plan.source(CredentialContext(environment: [:], cloud: CloudClient(), logger: logger))
        #expect(try await source.credentials().credentials == .refreshToken("a${two-e"))
    }

    @Test func `no plan prints a secret`() throws {
        let plans: [CredentialPlan?] = [
            .written(.basic(username: SecretTemplate("me"), password: SecretTemplate("hush"))),
            try assemble(
                "azure: { tenant: t, client: c, clientSecret: '${env:S}' }", registry: "a.azurecr.io"
            ).plan,
        ]
        var dumped = ""
        dump(plans, to: &dumped)
        for text in ["\(plans)", String(reflecting: plans), dumped] { #expect(!text.contains("hush"), "\(text)") }
        #expect(plans.allSatisfy { $0 != nil })
    }
}
