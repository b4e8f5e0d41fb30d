internal import Credentials
internal import FoundationEssentials

/// Why a helper's answer holds no account.
enum HelperAnswerError: Error, Hashable {
    /// Neither name nor secret: no account.
    case empty
    case malformed
}

/// What a credential helper writes to its standard output.
enum HelperAnswer {
    private struct Body: Decodable {
        var username: String?
        var secret: String?

        enum CodingKeys: String, CodingKey {
            case username = "Username"
            case secret = "Secret"
        }
    }

    /// Longer secrets fit into no request.
    private static let lengthLimit = 32 << 10

    static func parse(_ bytes: [UInt8]) throws(HelperAnswerError) -> AccountCredentials {
        guard let body = try? JSONDecoder().decode(Body.self, from: Data(bytes)) else { throw .malformed }
        let username = body.username ?? "", secret = body.secret ?? ""
        guard !secret.isEmpty else { throw username.isEmpty ? .empty : .malformed }
        guard secret.utf8.count <= lengthLimit, username.utf8.count <= 1024, isText(secret), isText(username) else {
            throw .malformed
        }
        // docker/cli: an identity token in a place that has a name and a secret.
        if username == "<token>" { return .refreshToken(secret) }
        guard !username.isEmpty, !username.contains(":") else { throw .malformed }
        return .basic(username: username, password: secret)
    }

    /// Helpers fail with words on their standard output; these say that there is nothing.
    static func saysNotFound(_ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes.prefix(1024), as: UTF8.self)
        return text.contains("credentials not found") || text.contains("no credentials server URL")
            || text.contains("no credentials username")
    }

    private static func isText(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
}
