internal import NIOCore
internal import NIOHTTP1

/// Who issues the tokens that a ``TestRegistry`` demands, and knows what they are good for.
///
/// The endpoint itself is `/token` at any registry whose ``TestRegistry/tokenAuthority`` this is, so that realm and
/// registry may be different hosts. Faults injected there with `.tokens` spoil its answers.
package final class TokenAuthority: Sendable {
    package struct Settings: Sendable {
        /// Users and their passwords.
        package var accounts: [String: String] = [:]
        /// Refresh tokens that the POST takes, and whose account they are.
        package var refreshTokens: [String: String] = [:]
        package var allowsAnonymous = true
        /// `expires_in`; nil: not sent.
        package var expiresInSeconds: Int? = 300
        /// `issued_at`; nil: not sent.
        package var issuedAt: String?
        /// The fields that carry the token.
        package var tokenFields = ["token"]
        /// What the POST is answered with where it is not supported.
        package var postRefusedStatus: Int?
        /// Who may pull from a repository; repositories that are not listed are open to everyone. An empty name is
        /// the anonymous one.
        package var readers: [String: Set<String>] = [:]
        /// Whether registries accept the tokens; otherwise they answer 401 for ever.
        package var areTokensAccepted = true
        /// This in place of the JSON.
        package var bodyOverride: String?
        package var service = "registry.test"
        /// What each token begins with; its number follows.
        package var tokenPrefix = "token-"

        package init() {}
    }

    private struct Token: Sendable {
        var account: String
        var repositories: Set<String>
        var isExpired = false
    }

    private struct State: Sendable {
        var settings: Settings
        var tokens: [String: Token] = [:]
        var count = 0
    }

    private let state: Watched<State>

    package init(_ settings: Settings = Settings()) { state = Watched(State(settings: settings)) }

    package var settings: Settings {
        get { state.read { $0.settings } }
        set { state.update { $0.settings = newValue } }
    }

    /// Tokens issued so far.
    package var issuedCount: Int { state.read { $0.count } }

    /// From now on registries refuse every token that was issued until now.
    package func expireTokens() {
        state.update { state in
            for name in state.tokens.keys { state.tokens[name]?.isExpired = true }
        }
    }

    enum Verdict { case allowed, refused(error: String?) }

    /// Whether `token` allows to pull from `repository`.
    func judge(_ token: String?, repository: String?) -> Verdict {
        state.read { state in
            guard let token, state.settings.areTokensAccepted else { return .refused(error: nil) }
            guard let known = state.tokens[token], !known.isExpired else { return .refused(error: "invalid_token") }
            guard let repository else { return .allowed }
            return known.repositories.contains(repository) ? .allowed : .refused(error: "insufficient_scope")
        }
    }

    /// Answers a request to the token endpoint.
    func answer(_ request: RequestRecord) -> Answer {
        state.update { state in
            let settings = state.settings
            let account: String
            let scopes: [String]
            switch request.method {
            case "POST":
                if let status = settings.postRefusedStatus { return .error(status, "UNSUPPORTED") }
                scopes = request.formItems.filter { $0.name == "scope" }.flatMap { $0.value.split(separator: " ") }
                    .map(String.init)
                guard let user = Self.account(ofForm: request, settings) else { return .error(401, "UNAUTHORIZED") }
                account = user
            default:
                scopes = request.queryItems.filter { $0.name == "scope" }.map(\.value)
                if let (username, password) = basicCredentials(request.headers.first(name: "Authorization")) {
                    guard settings.accounts[username] == password else { return .error(401, "UNAUTHORIZED") }
                    account = username
                } else {
                    guard settings.allowsAnonymous else { return .error(401, "UNAUTHORIZED") }
                    account = ""
                }
            }
            if let body = settings.bodyOverride { return Answer(200, json: body) }
            state.count += 1
            let token = "\(settings.tokenPrefix)\(state.count)"
            let asked = scopes.compactMap(Self.repository(ofScope:))
            let granted = asked.filter { settings.readers[$0]?.contains(account) ?? true }
            state.tokens[token] = Token(account: account, repositories: Set(granted))
            var fields = settings.tokenFields.map { #""\#($0)":"\#(token)""# }
            if let seconds = settings.expiresInSeconds { fields.append(#""expires_in":\#(seconds)"#) }
            if let issuedAt = settings.issuedAt { fields.append(#""issued_at":"\#(issuedAt)""#) }
            return Answer(200, json: "{" + fields.joined(separator: ",") + "}")
        }
    }

    private static func account(ofForm request: RequestRecord, _ settings: Settings) -> String? {
        guard request.formValue("client_id") != nil, request.formValue("service") == settings.service else {
            return nil
        }
        switch request.formValue("grant_type") {
        case "refresh_token": return request.formValue("refresh_token").flatMap { settings.refreshTokens[$0] }
        case "password":
            guard let user = request.formValue("username"), let password = request.formValue("password"),
                settings.accounts[user] == password
            else { return nil }
            return user
        default: return nil
        }
    }

    /// `repository:NAME:pull`
    private static func repository(ofScope scope: String) -> String? {
        let parts = scope.split(separator: ":")
        return parts.count == 3 && parts[0] == "repository" && parts[2].split(separator: ",").contains("pull")
            ? String(parts[1]) : nil
    }
}

/// What a ``TestRegistry`` asks of those who pull.
package enum Access: Sendable {
    case open
    case basic(username: String, password: String)
    /// - Parameter realm: the token endpoint's address; nil: `/token` at the registry itself.
    case bearer(TokenAuthority, realm: String? = nil)
}
