package import KubernetesClient

/// A `Status` body with its HTTP status, as the real server words it.
package struct APIStatus: Error, Sendable, Hashable {
    package var code: Int
    package var reason: String
    package var message: String
    package var retryAfterSeconds: Int?
    package var continueToken: String?

    package init(
        _ code: Int, _ reason: String, _ message: String, retryAfterSeconds: Int? = nil, continueToken: String? = nil
    ) {
        self.code = code
        self.reason = reason
        self.message = message
        self.retryAfterSeconds = retryAfterSeconds
        self.continueToken = continueToken
    }

    package var body: JSONTree {
        var body: JSONTree = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message),
            "reason": .string(reason), "code": .integer(Int64(code)),
        ]
        if let continueToken { body["metadata"] = ["continue": .string(continueToken)] }
        if let retryAfterSeconds { body["details"] = ["retryAfterSeconds": .integer(Int64(retryAfterSeconds))] }
        return body
    }

    static func notFound(_ kind: ResourceKind, _ name: String) -> APIStatus {
        APIStatus(404, "NotFound", "\(kind.plural) \"\(name)\" not found")
    }

    static func conflict(_ kind: ResourceKind, _ name: String) -> APIStatus {
        APIStatus(
            409, "Conflict",
            "Operation cannot be fulfilled on \(kind.plural) \"\(name)\": the object has been modified; please apply "
                + "your changes to the latest version and try again")
    }

    static func invalid(_ kind: ResourceKind, _ name: String, _ why: String) -> APIStatus {
        APIStatus(422, "Invalid", "\(kind.kind) \"\(name)\" is invalid: \(why)")
    }

    static func badRequest(_ why: String) -> APIStatus { APIStatus(400, "BadRequest", why) }

    static let expired = APIStatus(
        410, "Expired", "The resourceVersion for the provided watch is too old.")

    static func tokenExpired(inconsistent token: String) -> APIStatus {
        APIStatus(
            410, "Expired",
            "The provided continue parameter is too old to display a consistent list result. You can start a new list "
                + "without the continue parameter, or use the continue token in this response to retrieve the "
                + "remainder of the results.", continueToken: token)
    }
}
