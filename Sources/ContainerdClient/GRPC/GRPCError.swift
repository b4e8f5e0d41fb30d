/// Why a call has no answer.
package enum GRPCError: Error, Hashable, CustomStringConvertible {
    /// Nobody answers on the socket, or the connection broke.
    case unavailable(String)
    /// The server's own answer; ``GRPCStatus`` names those that mean something here. The words come from the server.
    case status(code: Int, message: String)
    case malformed(String)
    /// A message above the limit.
    case tooLarge(limitBytes: Int)
    case timedOut

    package var description: String {
        switch self {
        case .unavailable(let reason): reason
        case .status(let code, let message): "status \(code): \(message)"
        case .malformed(let reason): "the answer is malformed: \(reason)"
        case .tooLarge(let limit): "the answer is larger than \(limit) bytes"
        case .timedOut: "no answer in time"
        }
    }
}

/// <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>
package enum GRPCStatus {
    package static let ok = 0
    package static let notFound = 5
    package static let unimplemented = 12
}
