internal import FoundationEssentials
internal import HTTPSemantics
package import Timekeeping

/// What a token endpoint answered. Distribution, "Token Authentication Specification" and "OAuth2 Token
/// Authentication".
package struct TokenAnswer: Sendable, Hashable {
    /// What `expires_in` is taken for where it is absent; and the least it is taken for, as the specification asks.
    package static let lifeDefault = Duration.seconds(60)
    /// The most: a day; a longer-lived token is fetched again all the same.
    package static let lifeMax = Duration.seconds(86_400)
    /// What a token may hold, in bytes; it has to fit into a request's head.
    package static let lengthLimit = 32 * 1024

    package let token: Token
    /// A new refresh token, where the endpoint gives one.
    package let refreshToken: String?

    private struct Body: Decodable {
        var token: String?
        var accessToken: String?
        var refreshToken: String?
        var expiresIn: Double?
        var issuedAt: String?

        enum CodingKeys: String, CodingKey {
            case token
            case accessToken = "access_token"
            case refreshToken = "refresh_token"
            case expiresIn = "expires_in"
            case issuedAt = "issued_at"
        }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            // What is no string or number is as good as absent; the token alone is needed.
            token = try? fields.decodeIfPresent(String.self, forKey: .token)
            accessToken = try? fields.decodeIfPresent(String.self, forKey: .accessToken)
            refreshToken = try? fields.decodeIfPresent(String.self, forKey: .refreshToken)
            let seconds = try? fields.decodeIfPresent(Double.self, forKey: .expiresIn)
            expiresIn = seconds ?? (try? fields.decodeIfPresent(String.self, forKey: .expiresIn)).flatMap { Double($0) }
            issuedAt = try? fields.decodeIfPresent(String.self, forKey: .issuedAt)
        }
    }

    /// - Parameters:
    ///   - date: the answer's `Date` field. `issued_at` counts against it and never against our clock, so that clocks
    ///     that differ cost nothing.
    ///   - now: when the token was asked for.
    package init(json: some Collection<UInt8>, date: String?, now: Timestamp) throws(TokenAnswerError) {
        guard let body = try? JSONDecoder().decode(Body.self, from: Data(json)) else { throw .notJSON }
        guard let value = [body.token, body.accessToken].compactMap(\.self).first(where: { !$0.isEmpty }) else {
            throw .noToken
        }
        guard value.utf8.count <= Self.lengthLimit, value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .malformedToken
        }
        var life = Self.lifeDefault
        if let seconds = body.expiresIn, seconds.isFinite {
            life = min(max(.seconds(min(max(seconds, 0), 1e9)), Self.lifeDefault), Self.lifeMax)
        }
        var age = Duration.zero
        if let sent = date.flatMap({ HTTPDate.parse($0) }), let issued = body.issuedAt.flatMap(Self.seconds) {
            age = .seconds(max(0, sent - issued))
        }
        // An endpoint that hands out tokens from a cache may give an old one. One that seems expired already has a
        // clock of its own kind; taken at its word it would be asked again for every request.
        let rest = age < life - Token.margin(of: life) ? life - age : life
        token = Token(value: value, usableUntil: now + (rest - Token.margin(of: rest)))
        refreshToken = body.refreshToken.flatMap { $0.isEmpty || $0.utf8.count > Self.lengthLimit ? nil : $0 }
    }

    /// RFC 3339, as seconds since 1970.
    private static func seconds(_ text: String) -> Int64? {
        let date =
            (try? Date(text, strategy: .iso8601))
            ?? (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        return date.flatMap { Int64(exactly: $0.timeIntervalSince1970.rounded(.down)) }
    }
}

/// Why an answer holds no token.
package enum TokenAnswerError: Error, Hashable, CustomStringConvertible {
    case notJSON
    case noToken
    case malformedToken

    package var description: String {
        switch self {
        case .notJSON: "its answer is not JSON"
        case .noToken: "its answer has no token"
        case .malformedToken: "its answer's token cannot be put into a request"
        }
    }
}
