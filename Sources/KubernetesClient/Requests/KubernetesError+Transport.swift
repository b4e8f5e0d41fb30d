internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

extension KubernetesError {
    /// Names what the HTTP client threw.
    init(transport error: any Error) {
        switch error {
        case let error as KubernetesError: self = error
        case is CancellationError: self = .cancelled
        case let error as HTTPClientError: self = Self.named(error)
        case let error as NIOConnectionError:
            self = .unreachable(reason: "no connection to \(error.host):\(error.port)")
        case is NIOTooManyBytesError: self = .malformedAnswer(reason: "it is too long")
        case is NIOSSLExtraError: self = .unreachable(reason: "TLS: the certificate is for another name")
        case is NIOSSLError, is BoringSSLError: self = .unreachable(reason: Self.tlsReason("\(error)"))
        case is HTTPParserError: self = .malformedAnswer(reason: "it is not HTTP")
        default: self = .unreachable(reason: "the connection broke")
        }
    }

    private static func named(_ error: HTTPClientError) -> KubernetesError {
        switch error {
        case .cancelled: .cancelled
        case .alreadyShutdown: .unreachable(reason: "the client was shut down")
        case .deadlineExceeded, .readTimeout, .writeTimeout: .timedOut
        case .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout, .httpProxyHandshakeTimeout,
            .socksHandshakeTimeout:
            .unreachable(reason: "no connection in time")
        case .proxyAuthenticationRequired: .unreachable(reason: "the proxy demands credentials")
        case .invalidProxyResponse: .unreachable(reason: "the proxy refused the connection")
        case .remoteConnectionClosed: .unreachable(reason: "the connection was closed without an answer")
        default: .unreachable(reason: error.shortDescription)
        }
    }

    private static func tlsReason(_ text: String) -> String {
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "TLS: the certificate is not signed by a trusted authority, or has expired"
        }
        if text.contains("uncleanShutdown") { return "the connection broke" }
        if text.contains("CERTIFICATE_REQUIRED") || text.contains("BAD_CERTIFICATE")
            || text.contains("UNKNOWN_CA") || text.contains("HANDSHAKE_FAILURE")
        {
            return "TLS: the server demands a client certificate, or refuses ours"
        }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return "TLS: the server does not speak TLS on this port"
        }
        return "TLS failed"
    }
}
