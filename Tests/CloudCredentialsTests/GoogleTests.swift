import Credentials
import CryptoExtras
import Foundation
import RegistryTestKit
import Testing
import Timekeeping

@testable import CloudCredentials

@Suite(.timeLimit(.minutes(1))) struct GoogleTests {
    private let clock = ManualWallClock(Timestamp(seconds: 1_700_000_000))

    private func fetch(_ configuration: GoogleConfiguration) async throws -> IssuedCredentials {
        try await GoogleTokens(configuration, client: CloudClient(clock: clock)).fetch()
    }

    private let issued = IssuedCredentials(
        .basic(username: "oauth2accesstoken", password: "ya29.hush"), expiresAt: Timestamp(seconds: 1_700_003_599))

    private static func decoded(_ part: Substring) -> Data {
        let text = part.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        return Data(base64Encoded: text + String(repeating: "=", count: (4 - text.count % 4) % 4)) ?? Data()
    }

    @Test func `a service account's key signs for a token`() async throws {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let service = try await StandIn { request in
            let parts = (request.form["assertion"] ?? "").split(separator: ".")
            guard parts.count == 3, request.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer",
                request.path == "/token"
            else { return .json(#"{"error":"invalid_request"}"#, status: 400) }
            let signature = _RSA.Signing.RSASignature(rawRepresentation: Self.decoded(parts[2]))
            let claims = try? JSONSerialization.jsonObject(with: Self.decoded(parts[1])) as? [String: Any]
            guard
                key.publicKey.isValidSignature(
                    signature, for: Data("\(parts[0]).\(parts[1])".utf8), padding: .insecurePKCS1v1_5),
                claims?["iss"] as? String == "weir@p.iam.gserviceaccount.com",
                claims?["aud"] as? String == "https://oauth2.googleapis.com/token",
                claims?["iat"] as? Int == 1_700_000_000, claims?["exp"] as? Int == 1_700_003_600
            else { return .json(#"{"error":"invalid_grant"}"#, status: 400) }
            return .json(#"{"access_token":"ya29.hush","expires_in":3599,"token_type":"Bearer"}"#)
        }
        func file(_ key: _RSA.Signing.PrivateKey, type: String = "service_account") throws -> Scratch {
            try Scratch(
                String(
                    decoding: JSONSerialization.data(withJSONObject: [
                        "type": type, "client_email": "weir@p.iam.gserviceaccount.com",
                        "private_key": key.pkcs8PEMRepresentation, "private_key_id": "1",
                        "token_uri": "https://oauth2.googleapis.com/token",
                    ]), as: UTF8.self))
        }
        let right = try file(key)
        #expect(
            try await fetch(GoogleConfiguration(.keyFile(path: right.path), endpoint: "\(service.origin)/token"))
                == issued)
        let wrong = try file(try _RSA.Signing.PrivateKey(keySize: .bits2048))
        let error = await #expect(throws: CredentialError.self) {
            try await fetch(GoogleConfiguration(.keyFile(path: wrong.path), endpoint: "\(service.origin)/token"))
        }
        guard case .refused(let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("invalid_grant"))
        let other = try file(key, type: "authorized_user")
        await #expect(throws: CredentialError.self) {
            try await fetch(GoogleConfiguration(.keyFile(path: other.path)))
        }
    }

    @Test func `the metadata service gives a token to who asks for its flavour`() async throws {
        let metadata = try await StandIn { request in
            guard request["Metadata-Flavor"] == "Google",
                request.path == "/computeMetadata/v1/instance/service-accounts/default/token"
            else { return StandIn.Answer(status: 403) }
            return .json(#"{"access_token":"ya29.hush","expires_in":3599}"#, fields: ["Metadata-Flavor": "Google"])
        }
        #expect(try await fetch(GoogleConfiguration(.metadata(account: nil), endpoint: metadata.origin)) == issued)
    }

    @Test(arguments: [
        ("3599", 3599), ("\"60\"", 60), ("1e300", 86_400), ("90000", 86_400), ("-5", 0), ("\"soon\"", 300),
        ("null", 300),
    ])
    func `a token's life is believed within reason`(_ told: String, _ seconds: Int64) async throws {
        let metadata = try await StandIn { _ in
            .json(#"{"access_token":"x","expires_in":\#(told)}"#, fields: ["Metadata-Flavor": "Google"])
        }
        let issued = try await fetch(GoogleConfiguration(.metadata(account: nil), endpoint: metadata.origin))
        #expect(issued.expiresAt == clock.now() + .seconds(seconds))
    }

    @Test(arguments: ["http://oauth2.googleapis.com/token", "ftp://x/token", "https://me@x/token", ""])
    func `a key whose token service is not asked by TLS is not shown to it`(_ uri: String) async throws {
        let file = try Scratch(
            String(
                decoding: JSONSerialization.data(withJSONObject: [
                    "type": "service_account", "client_email": "weir@p.iam.gserviceaccount.com",
                    "private_key": _RSA.Signing.PrivateKey(keySize: .bits2048).pkcs8PEMRepresentation,
                    "token_uri": uri,
                ]), as: UTF8.self))
        let error = await #expect(throws: CredentialError.self) {
            try await fetch(GoogleConfiguration(.keyFile(path: file.path)))
        }
        #expect(error == .malformed(reason: "the key in \(file.path) names no token service"))
    }

    @Test func `what is not Google's metadata service is not believed`() async throws {
        let other = try await StandIn { _ in .json(#"{"access_token":"x","expires_in":3599}"#) }
        await #expect(throws: CredentialError.self) {
            try await fetch(GoogleConfiguration(.metadata(account: nil), endpoint: other.origin))
        }
    }
}
