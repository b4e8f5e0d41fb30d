import Foundation
import RegistryTestKit

@testable import Commands

/// Upstreams, clouds and a proxy that know the planted secrets, and the configuration of a service before them.
struct LeakScene {
    typealias Place = PlantedSecrets.Place

    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "SOPSTests/Fixtures").path()
    /// The rules that their upstream serves.
    static let served = [
        "literal", "file", "docker", "helper", "dockerhub", "proxied", "ecr", "gcp", "acr", "tls", "signed",
    ]
    /// Those that it refuses, or that fail.
    static let failing = ["environment", "refused", "echo", "lost", "keyfile", "nohelper", "dead"]
    static let repository = "library/app"

    let folder: Folder
    let registry: TestRegistry
    /// With TLS, and a demand for a certificate.
    let secure: TestRegistry
    let cloud: StandIn
    let proxy: ConnectProxy
    let certificates: TestCertificates
    let authority: TokenAuthority

    static func with(_ body: (LeakScene) async throws -> Void) async throws {
        let certificates = try TestCertificates()
        let cloud = try await StandIn(answer)
        try await TestRegistry.withRunning { registry in
            try await TestRegistry.withRunning(tls: ServerTLS(certificates, demandsClientCertificate: true)) { secure in
                try await ConnectProxy.withRunning(leading: ["proxied.test:80": registry.authority]) { proxy in
                    let scene = LeakScene(
                        folder: try Folder(), registry: registry, secure: secure, cloud: cloud, proxy: proxy,
                        certificates: certificates, authority: TokenAuthority(settings))
                    try scene.furnish()
                    try await body(scene)
                }
            }
        }
    }

    private static var settings: TokenAuthority.Settings {
        var settings = TokenAuthority.Settings()
        let accounts: [(String, Place)] = [
            ("literal", .literal), ("docker", .dockerConfiguration), ("helper", .helper), ("me", .sops),
            ("AWS", .ecrToken), ("oauth2accesstoken", .googleToken),
            ("00000000-0000-0000-0000-000000000000", .azureRefresh),
        ]
        for (user, place) in accounts { settings.accounts[user] = PlantedSecrets.secret(place) }
        settings.refreshTokens = [PlantedSecrets.secret(.firstFile): "filed"]
        settings.allowsAnonymous = false
        settings.tokenPrefix = PlantedSecrets.secret(.token)
        return settings
    }

    /// Clouds' endpoints. What they are shown comes back in what they refuse.
    private static func answer(_ request: StandIn.Request) -> StandIn.Answer {
        switch request.path {
        case "/":
            let token = Data("AWS:\(PlantedSecrets.secret(.ecrToken))".utf8).base64EncodedString()
            return .json(#"{"authorizationData":[{"authorizationToken":"\#(token)"}]}"#)
        case "/computeMetadata/v1/instance/service-accounts/default/token":
            return .json(
                #"{"access_token":"\#(PlantedSecrets.secret(.googleToken))","expires_in":3599}"#,
                fields: ["Metadata-Flavor": "Google"])
        case "/tenant/oauth2/v2.0/token":
            guard request.form["client_secret"] == PlantedSecrets.secret(.azureSecret) else { break }
            return .json(#"{"access_token":"\#(PlantedSecrets.secret(.azureAccess))","expires_in":"3599"}"#)
        default: break
        }
        let shown = request.fields.map { "\($0.name): \($0.value)" }.joined(separator: "; ")
        return .json(#"{"error":"denied \#(shown) \#(request.body)"}"#, status: 403)
    }

    // MARK: Upstreams

    private func furnish() throws {
        registry.access = .bearer(authority)
        secure.access = .basic(username: "me", password: PlantedSecrets.secret(.literal))
        for registry in [registry, secure] {
            for name in [Self.repository, "library/signed", "library/echo", "library/lost"] {
                registry.addSingleImage(repository: name, tag: "1", layerSizes: [2000])
                registry.addSingleImage(repository: name, tag: PlantedSecrets.canary, layerSizes: [2000])
            }
        }
        // Blobs are elsewhere, by signed addresses: of one repository they are there, of another they are refused.
        let signed = "X-Amz-Signature=\(PlantedSecrets.secret(.signature))&X-Amz-Expires=60"
        registry.inject(
            .redirect(to: "\(cloud.origin)/denied?\(signed)"),
            for: RequestMatcher(kind: .blob, repository: "library/lost"))
        registry.inject(
            .redirectSamePath(base: registry.url, query: signed),
            for: RequestMatcher(kind: .blob, repository: "library/signed", condition: { $0.query == nil }))
        registry.inject(
            .json(#"{"refresh_token":"\#(PlantedSecrets.secret(.azureRefresh))"}"#),
            for: RequestMatcher(condition: { $0.path == "/oauth2/exchange" }))
        for status in [403, 500] {
            registry.inject(
                .echo(status: status),
                for: RequestMatcher(
                    kind: status == 403 ? .manifest : .tags, repository: "library/echo",
                    condition: { $0.authorization != .none }))
        }
        registry.inject(
            .echo(status: 401),
            for: RequestMatcher(kind: .token, condition: { $0.authorization == .basic(username: "no") }))
        try writeFiles()
    }

    // MARK: Files

    /// What holds secrets in the service's own folder by intent.
    static let holders: Set<String> = [
        "weir.yaml", "token", "config.json", "key.json", "bin/docker-credential-hush", "bin/docker-credential-broken",
    ]

    func writeToken(_ place: Place) throws { try folder.write("\(PlantedSecrets.secret(place))\n", to: "token") }

    private func writeFiles() throws {
        try folder.write(yaml)
        try writeToken(.firstFile)
        let login = Data("docker:\(PlantedSecrets.secret(.dockerConfiguration))".utf8).base64EncodedString()
        try folder.write(#"{"auths":{"\#(registry.authority)":{"auth":"\#(login)"}}}"#, to: "config.json")
        let pem = try String(contentsOfFile: certificates.clientKeyFile, encoding: .utf8)
        try folder.write(
            #"{"type":"service_account","client_email":"a@b","token_uri":"https://127.0.0.1:9/token","private_key":"#
                + #""\#(pem.replacing("\n", with: "\\n"))"}"#, to: "key.json")
        try FileManager.default.createDirectory(atPath: "\(folder.path)/bin", withIntermediateDirectories: true)
        let errors = PlantedSecrets.secret(.helperErrors)
        try helper(
            "hush",
            """
            echo 'looking for \(errors)' >&2
            echo '{"ServerURL":"","Username":"helper","Secret":"\(PlantedSecrets.secret(.helper))"}'
            """)
        try helper("broken", "echo '\(errors)' >&2; echo '\(errors)'; exit 3")
    }

    private func helper(_ name: String, _ body: String) throws {
        let path = try folder.write("#!/bin/sh\ncat >/dev/null\n\(body)\n", to: "bin/docker-credential-\(name)")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }

    var environment: [String: String] {
        [
            "PATH": "\(folder.path)/bin:/usr/bin:/bin", "P": PlantedSecrets.secret(.environment),
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": PlantedSecrets.secret(.awsKey),
            "AWS_SESSION_TOKEN": PlantedSecrets.secret(.awsSession),
            "GCE_METADATA_HOST": String(cloud.origin.dropFirst(7)), "AZURE_AUTHORITY_HOST": cloud.origin,
            "WEIR_DECRYPTION_AGE_PASSPHRASE": PlantedSecrets.secret(.agePassphrase),
        ]
    }

    /// Beside the storage directory and the listening address.
    var settings: String {
        let proxy = PlantedSecrets.secret(.proxy).addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return """
            tls: { certificate: \(certificates.serverCertificateFile), key: \(certificates.serverKeyFile) }
            log: { level: trace }
            proxy: { http: "http://me:\(proxy)@127.0.0.1:\(self.proxy.port)" }
            rulesFrom: \(Self.fixtures)/accounts.yaml
            decryption: { ageKeyFile: \(Self.fixtures)/key.txt }
            rules:
            \(rules)
            """
    }

    private var yaml: String { "listen: 127.0.0.1:0\nstorage: { directory: store }\n\(settings)\n" }

    private var rules: String {
        let secret = PlantedSecrets.secret
        let plain = "registry: \"\(registry.url)\", host: none, attempts: 1"
        let literal = "username: literal, accessToken: \"\(secret(.literal))\""
        let tls =
            "{ ca: \(certificates.authorityFile), certificate: \(certificates.clientCertificateFile), "
            + "key: \(certificates.clientKeyFile) }"
        return """
              literal: { \(plain), \(literal) }
              signed: { \(plain), \(literal) }
              echo: { \(plain), \(literal), probe: "library/echo:1" }
              lost: { \(plain), \(literal) }
              \(PlantedSecrets.canary): { \(plain), \(literal) }
              environment: { \(plain), username: me, password: "${env:P}" }
              refused: { \(plain), username: no, accessToken: "\(secret(.refused))" }
              file: { \(plain), identityToken: "${file:token}" }
              docker: { \(plain), dockerConfig: config.json }
              helper: { \(plain), credentialHelper: hush }
              nohelper: { \(plain), credentialHelper: broken }
              dockerhub: { \(plain) }
              proxied: { registry: "http://proxied.test", host: none, trustedRealms: ["\(registry.authority)"], \(literal) }
              ecr: { \(plain), ecr: { region: eu-central-1, endpoint: "\(cloud.origin)", keys: environment } }
              gcp: { \(plain), gcp: { metadata: true } }
              keyfile: { \(plain), gcp: { keyFile: key.json } }
              acr: { \(plain), azure: { tenant: tenant, client: app, clientSecret: "\(secret(.azureSecret))" } }
              tls: { registry: "\(secure.url)", host: none, tls: \(tls), username: me, accessToken: "\(secret(.literal))" }
              dead: { registry: "http://127.0.0.1:9", host: none, attempts: 1, \(literal) }
            """
    }
}
