package import NIOHTTP1

/// What a request asks a registry for.
package enum RequestKind: Sendable, Hashable {
    /// `/v2/`
    case ping
    case manifest, blob, tags, referrers
    /// The token endpoint.
    case token
    case other
}

/// One request as a ``TestRegistry`` saw it.
package struct RequestRecord: Sendable {
    package enum Authorization: Sendable, Hashable {
        case none
        case basic(username: String)
        case bearer(String)
        case other
    }

    /// How far the answer has come.
    package enum Progress: Sendable, Hashable {
        case underWay
        case finished
        /// The client left, or a fault closed the connection.
        case aborted
    }

    /// From 0, in the order of arrival.
    package let index: Int
    /// The connection it came on, from 1.
    package let connection: Int
    /// The address that it came from.
    package let clientAddress: String
    package let method: String
    /// As sent, without the query.
    package let path: String
    /// As sent, without the question mark.
    package let query: String?
    package let kind: RequestKind
    package let repository: String?
    /// A tag or a digest.
    package let reference: String?
    package let headers: HTTPHeaders
    /// A form, as the token endpoint gets it.
    package let body: String
    package let authorization: Authorization
    /// Of the answer; nil until its head is sent.
    package internal(set) var status: Int?
    package internal(set) var bodyBytesSent = 0
    package internal(set) var progress = Progress.underWay

    package var range: String? { headers.first(name: "Range") }
    package var host: String? { headers.first(name: "Host") }
    package var userAgent: String? { headers.first(name: "User-Agent") }

    /// The query's pairs in order, decoded.
    package var queryItems: [(name: String, value: String)] { decodedForm(query ?? "") }
    /// The form's pairs in order, decoded.
    package var formItems: [(name: String, value: String)] { decodedForm(body) }

    /// The first value of the query's pairs with this name.
    package func queryValue(_ name: String) -> String? { queryItems.first { $0.name == name }?.value }
    /// The first value of the form's pairs with this name.
    package func formValue(_ name: String) -> String? { formItems.first { $0.name == name }?.value }

    init(index: Int, connection: Int, clientAddress: String = "127.0.0.1", head: HTTPRequestHead, body: String) {
        self.index = index
        self.connection = connection
        self.clientAddress = clientAddress
        self.body = body
        method = head.method.rawValue
        headers = head.headers
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts.first ?? "")
        query = parts.count > 1 ? String(parts[1]) : nil
        (kind, repository, reference) = Self.target(of: path)
        authorization = Self.authorization(head.headers.first(name: "Authorization"))
    }

    private static func target(of path: String) -> (RequestKind, String?, String?) {
        if path == "/v2/" || path == "/v2" { return (.ping, nil, nil) }
        if path == "/token" { return (.token, nil, nil) }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 5, parts[0].isEmpty, parts[1] == "v2" else { return (.other, nil, nil) }
        let repository = parts[2..<(parts.count - 2)].joined(separator: "/")
        let reference = decoded(parts[parts.count - 1], plusIsSpace: false)
        switch parts[parts.count - 2] {
        case "manifests": return (.manifest, repository, reference)
        case "blobs": return (.blob, repository, reference)
        case "referrers": return (.referrers, repository, reference)
        case "tags" where reference == "list": return (.tags, repository, nil)
        default: return (.other, nil, nil)
        }
    }

    private static func authorization(_ field: String?) -> Authorization {
        guard let field else { return .none }
        if field.hasPrefix("Bearer ") { return .bearer(String(field.dropFirst(7))) }
        if let (username, _) = basicCredentials(field) { return .basic(username: username) }
        return .other
    }
}
