/// Why a request to the API server did not succeed. Descriptions hold no credentials.
package enum KubernetesError: Error, Hashable, CustomStringConvertible {
    /// No connection, or one that broke before the answer was whole.
    case unreachable(reason: String)
    case timedOut
    /// The server answered, and with no success.
    case refused(KubernetesStatus)
    case malformedAnswer(reason: String)
    /// An answer, or one line of a watch, is beyond the bound.
    case tooLarge(limitBytes: Int)
    /// What the configuration names for identification cannot be had.
    case credentials(reason: String)
    case cancelled

    package var description: String {
        switch self {
        case .unreachable(let reason): "the API server cannot be reached: \(reason)"
        case .timedOut: "the API server did not answer in time"
        case .refused(let status): "the API server refused: \(status)"
        case .malformedAnswer(let reason): "the API server's answer is not understood: \(reason)"
        case .tooLarge(let limitBytes): "the API server's answer is larger than \(limitBytes) bytes"
        case .credentials(let reason): "there are no credentials for the API server: \(reason)"
        case .cancelled: "the request was given up"
        }
    }

    package var status: KubernetesStatus? {
        guard case .refused(let status) = self else { return nil }
        return status
    }

    package var isNotFound: Bool { status?.code == 404 }
    package var isForbidden: Bool { status?.code == 403 }
    /// An update of an object that has changed meanwhile.
    package var isConflict: Bool { status?.code == 409 && status?.reason != .alreadyExists }
    package var isAlreadyExisting: Bool { status?.reason == .alreadyExists }
    /// A resource version or continue token that the server no longer has.
    package var isExpired: Bool { status?.code == 410 || status?.reason == .expired }
}

/// The server's `Status` body. Kubernetes API conventions, "Response Status Kind".
package struct KubernetesStatus: Sendable, Hashable, CustomStringConvertible {
    package enum Reason: String, Sendable, Hashable {
        case unauthorized = "Unauthorized"
        case forbidden = "Forbidden"
        case notFound = "NotFound"
        case alreadyExists = "AlreadyExists"
        case conflict = "Conflict"
        case gone = "Gone"
        case expired = "Expired"
        case invalid = "Invalid"
        case serverTimeout = "ServerTimeout"
        case timeout = "Timeout"
        case tooManyRequests = "TooManyRequests"
        case badRequest = "BadRequest"
        case unsupportedMediaType = "UnsupportedMediaType"
        case internalError = "InternalError"
        case serviceUnavailable = "ServiceUnavailable"
    }

    /// The HTTP status.
    package var code: Int
    /// Nil where the server gave none, or one that Weir does not know.
    package var reason: Reason?
    /// At most 512 characters, without control characters.
    package var message: String
    /// What the server asks to wait for, by `Retry-After` or in the body.
    package var retryAfter: Duration?
    /// With reason `Expired` while listing: goes on where the old token was, from a later state.
    package var continueToken: String?

    package init(
        code: Int, reason: Reason? = nil, message: String = "", retryAfter: Duration? = nil,
        continueToken: String? = nil
    ) {
        self.code = code
        self.reason = reason
        self.message = String(
            String.UnicodeScalarView(message.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }.prefix(512))
        )
        self.retryAfter = retryAfter
        self.continueToken = continueToken
    }

    /// From a body that may be anything.
    /// - Parameter code: the HTTP status; a `Status` inside of a watch brings its own.
    package init(code: Int, body: JSONTree?, retryAfter: Duration? = nil) {
        guard let body, body["kind"]?.string == "Status" else {
            self.init(code: code, retryAfter: retryAfter)
            return
        }
        let own = body["code"]?.integer.flatMap { Int(exactly: $0) }
        let seconds = body.at("details", "retryAfterSeconds")?.integer
        self.init(
            code: own.flatMap { (100...599).contains($0) ? $0 : nil } ?? code,
            reason: body["reason"]?.string.flatMap(Reason.init(rawValue:)), message: body["message"]?.string ?? "",
            retryAfter: retryAfter ?? seconds.flatMap { $0 > 0 ? .seconds(min($0, 86_400)) : nil },
            continueToken: body.at("metadata", "continue")?.string)
    }

    package var description: String {
        var text = "status \(code)"
        if let reason { text += " (\(reason.rawValue))" }
        if !message.isEmpty { text += ": \(message)" }
        return text
    }
}
