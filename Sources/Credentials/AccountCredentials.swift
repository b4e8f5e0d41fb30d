/// What an account shows to a registry or to its token endpoint. Never printed: its description shows the kind alone.
package enum AccountCredentials: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    case anonymous
    /// A user with a password or an access token, for Basic or for a token endpoint.
    case basic(username: String, password: String)
    /// A refresh token ("identity token") for the OAuth2 POST.
    case refreshToken(String)

    package var description: String {
        switch self {
        case .anonymous: "anonymous"
        case .basic: "basic"
        case .refreshToken: "refresh token"
        }
    }

    package var customMirror: Mirror { Mirror(self, children: []) }
}
