internal import FoundationEssentials
internal import HTTPSemantics

/// Where tokens are had, as a challenge told. Judged by ``RealmTrust`` before it is made.
struct TokenEndpoint: Sendable, Hashable {
    let realm: WebAddress
    let service: String?

    /// The address of a GET for `scope`, which may hold several scopes with blanks between.
    func address(scope: String) throws(WebAddressError) -> WebAddress {
        var pairs: [(name: String, value: String)] = []
        if let service { pairs.append(("service", service)) }
        for part in scope.split(separator: " ") { pairs.append(("scope", String(part))) }
        // The realm may bring a query of its own; its text is kept as it is.
        let text = realm.url.absoluteString.prefix { $0 != "#" }
        return try WebAddress(text + (text.contains("?") ? "&" : "?") + formEncoded(pairs))
    }

    /// The body of a POST. Distribution, "OAuth2 Token Authentication".
    func form(refreshToken: String, scope: String) -> String {
        formEncoded([
            ("grant_type", "refresh_token"), ("service", service ?? realm.host), ("client_id", "weir"),
            ("scope", scope), ("refresh_token", refreshToken),
        ])
    }
}

/// An `Authorization` field. RFC 7617.
func basicField(username: String, password: String) -> String {
    "Basic " + Data("\(username):\(password)".utf8).base64EncodedString()
}
