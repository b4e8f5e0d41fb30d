internal import Credentials
internal import CryptoExtras
internal import FoundationEssentials
internal import Timekeeping

/// The key file of a service account of Google. Never printed.
struct ServiceAccountKey: CustomStringConvertible, CustomReflectable {
    private struct Document: Decodable {
        var type: String
        var clientEmail: String
        var privateKey: String
        var privateKeyID: String?
        var tokenURI: String

        enum CodingKeys: String, CodingKey {
            case type
            case clientEmail = "client_email"
            case privateKey = "private_key"
            case privateKeyID = "private_key_id"
            case tokenURI = "token_uri"
        }
    }

    private struct Header: Encodable {
        var alg = "RS256"
        var typ = "JWT"
        var kid: String?
    }

    private struct Claims: Encodable {
        var iss: String
        var scope: String
        var aud: String
        var iat: Int64
        var exp: Int64
    }

    private let document: Document
    private let key: _RSA.Signing.PrivateKey

    /// - Throws: without a word of the content.
    init(_ bytes: [UInt8], path: String) throws(CredentialError) {
        guard let document = try? JSONDecoder().decode(Document.self, from: Data(bytes)),
            document.type == "service_account"
        else { throw .malformed(reason: "the file \(path) is no key of a service account") }
        guard let key = try? _RSA.Signing.PrivateKey(pemRepresentation: document.privateKey) else {
            throw .malformed(reason: "the private key in \(path) cannot be read")
        }
        self.document = document
        self.key = key
    }

    var tokenURI: String { document.tokenURI }

    /// Good for an hour, as Google has it.
    func assertion(scope: String, at now: Timestamp) throws(CredentialError) -> String {
        let claims = Claims(
            iss: document.clientEmail, scope: scope, aud: document.tokenURI, iat: now.seconds, exp: now.seconds + 3600)
        do {
            let header = try JSONEncoder().encode(Header(kid: document.privateKeyID))
            let text = "\(Self.base64(header)).\(Self.base64(try JSONEncoder().encode(claims)))"
            let signature = try key.signature(for: Data(text.utf8), padding: .insecurePKCS1v1_5)
            return "\(text).\(Self.base64(signature.rawRepresentation))"
        } catch {
            throw .malformed(reason: "the private key of \(document.clientEmail) does not sign")
        }
    }

    /// RFC 4648, section 5, without padding.
    private static func base64(_ data: Data) -> String {
        String(
            data.base64EncodedString().filter { $0 != "=" }.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
    }

    var description: String { "a service account's key" }
    var customMirror: Mirror { Mirror(self, children: [:]) }
}
