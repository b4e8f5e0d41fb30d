/// The error codes that a registry answers with. OCI Distribution 1.1, "Error Codes", and those that the
/// distribution project added and clients know.
package enum ErrorCode: String, Sendable, CaseIterable {
    case blobUnknown = "BLOB_UNKNOWN"
    case digestInvalid = "DIGEST_INVALID"
    case manifestInvalid = "MANIFEST_INVALID"
    case manifestUnknown = "MANIFEST_UNKNOWN"
    case nameInvalid = "NAME_INVALID"
    case nameUnknown = "NAME_UNKNOWN"
    case tagInvalid = "TAG_INVALID"
    case rangeInvalid = "RANGE_INVALID"
    case paginationNumberInvalid = "PAGINATION_NUMBER_INVALID"
    case unauthorized = "UNAUTHORIZED"
    case denied = "DENIED"
    case unsupported = "UNSUPPORTED"
    case tooManyRequests = "TOOMANYREQUESTS"
    case unavailable = "UNAVAILABLE"
    case unknown = "UNKNOWN"
}

/// One error as a registry tells it. OCI Distribution 1.1, "Error Codes".
package struct RegistryError: Error, Sendable, Hashable {
    package let code: ErrorCode
    /// Safe to show to any client: no tokens, no query strings, no credentials.
    package let message: String

    package init(_ code: ErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The JSON envelope: `{"errors":[{"code":…,"message":…,"detail":null}]}`.
    package var envelope: String {
        #"{"errors":[{"code":""# + code.rawValue + #"","message":""# + escapedForJSON(message) + #"","detail":null}]}"#
            + "\n"
    }
}

/// `text` as the inside of a JSON string. RFC 8259, section 7.
package func escapedForJSON(_ text: String) -> String {
    var escaped = ""
    escaped.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": escaped += "\\\""
        case "\\": escaped += "\\\\"
        case "\n": escaped += "\\n"
        case "\r": escaped += "\\r"
        case "\t": escaped += "\\t"
        case "\u{0}"..."\u{1F}", "\u{7F}":
            let hex = String(scalar.value, radix: 16)
            escaped += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        default: escaped.unicodeScalars.append(scalar)
        }
    }
    return escaped
}
