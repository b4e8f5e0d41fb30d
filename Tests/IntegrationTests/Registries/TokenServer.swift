import Crypto
import FoundationEssentials

/// A token server: nginx behind TLS, which gives out tokens that were signed when it started.
///
/// There is one token for every repository, and none for another scope. So the registry refuses a client that asks for
/// the wrong one.
struct TokenServer {
    static let service = "registry.test"
    static let issuer = "issuer.test"

    let certificates: Certificates
    let server: Nginx
    var realm: String { "https://127.0.0.1:\(server.port)/token" }

    private struct Claims: Encodable {
        struct Grant: Encodable {
            var type = "repository"
            var name: String
            var actions = ["pull"]
        }

        var iss = TokenServer.issuer
        var aud = TokenServer.service
        var sub: String
        var iat: Int
        var nbf: Int
        var exp: Int
        var jti: String
        var access: [Grant]
    }

    private struct Header: Encodable {
        var typ = "JWT"
        var alg = "ES256"
        var x5c: [String]
    }

    private struct Answer: Encodable {
        var token: String
        var expires_in: Int
    }

    /// Starts it for `repositories`; where an account is given, it has to be named with each request.
    init(
        on machine: ClosedMachine, certificates: Certificates, port: Int = 5443, repositories: [String],
        account: RealRegistry.Account? = nil
    ) async throws {
        self.certificates = certificates
        let signer = try await certificates.issue("signer")
        let identity = try await certificates.issue("token-server")
        let folder = try machine.scratch.folder("tokens")
        var cases = "default /none.json;\n"
        for (number, repository) in repositories.enumerated() {
            try Self.writeAnswer(grants: [.init(name: repository)], signer: signer, to: "\(folder)/\(number).json")
            // The colons may come as they are or encoded.
            cases += "~^repository(:|%3A)\(repository.replacing("/", with: "(/|%2F)"))(:|%3A)pull$ /\(number).json;\n"
        }
        try Self.writeAnswer(grants: [], signer: signer, to: "\(folder)/none.json")
        var protection = ""
        if let account {
            try await account.writePasswordFile("\(folder)/accounts", on: machine)
            protection = "auth_basic tokens; auth_basic_user_file \(folder)/accounts;"
        }
        server = try await Nginx(
            on: machine, name: "token-server", port: port, identity: identity,
            http: "map $arg_scope $answer {\n\(cases)}",
            locations: """
                location = /token {
                    \(protection)
                    default_type application/json;
                    root \(folder);
                    rewrite ^ $answer break;
                }
                """)
    }

    private static func writeAnswer(
        grants: [Claims.Grant], signer: Certificates.Identity, to path: String
    ) throws {
        let now = Int(Date().timeIntervalSince1970)
        let key = try P256.Signing.PrivateKey(pemRepresentation: readText(signer.keyFile))
        let certificate = try readText(signer.certificateFile).split(separator: "\n")
            .filter { !$0.hasPrefix("-----") }.joined()
        let claims = Claims(
            sub: "test", iat: now, nbf: now - 60, exp: now + 3600, jti: "\(UInt64.random(in: 0...UInt64.max))",
            access: grants)
        let signed = try base64URL(json(Header(x5c: [certificate]))) + "." + base64URL(json(claims))
        let signature = try key.signature(for: Data(signed.utf8)).rawRepresentation
        let answer = Answer(token: signed + "." + base64URL(signature), expires_in: 3600)
        try json(answer).write(to: URL(filePath: path))
    }

    private static func base64URL(_ bytes: Data) -> String {
        bytes.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
