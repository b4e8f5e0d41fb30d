internal import AsyncHTTPClient
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Upstream

/// A failed attempt: what it is called, and whether another may do better.
struct Failure: Error {
    enum Retry: Hashable {
        case never
        /// After a pause that grows with each attempt.
        case afterBackOff
        /// At once, the first time: a connection that was kept open has been closed in the meantime.
        case atOnce
        /// Not before the upstream said.
        case after(Duration)
    }

    var error: UpstreamError
    var retry: Retry

    init(_ error: UpstreamError, retry: Retry = .never) {
        self.error = error
        self.retry = retry
    }
}

extension Failure {
    /// Names what the HTTP client threw.
    /// - Parameter hasHead: whether the answer's head had come.
    init(_ error: any Error, hasHead: Bool) {
        switch error {
        case let failure as Failure: self = failure
        case let error as UpstreamError: self.init(error)
        case is CancellationError: self.init(.cancelled)
        case is Exchange.TimedOut: self.init(.timedOut, retry: .afterBackOff)
        case is UpstreamTransport.ShutDown: self.init(.unreachable(reason: "the client was shut down"))
        case let error as UpstreamTransport.ForbiddenNetwork:
            self.init(.redirectRefused(reason: "it leads to an address of a \(error.network.names) network"))
        case let error as UpstreamTransport.UnusableFile:
            self.init(.unreachable(reason: "the file \(error.path) cannot be used for TLS"))
        case let error as HostResolutionError: self.init(.unreachable(reason: "\(error)"), retry: .afterBackOff)
        case let error as HTTPClientError: self.init(error, hasHead: hasHead)
        case let error as NIOConnectionError: self.init(.unreachable(reason: Self.reason(error)), retry: .afterBackOff)
        case let error as IOError where !hasHead && error.errnoCode != ECONNRESET && error.errnoCode != EPIPE:
            self.init(
                .unreachable(reason: "connecting failed: \(IOError.text(error.errnoCode))"), retry: .afterBackOff)
        case is NIOSSLExtraError, is BoringSSLError, is NIOSSLError: self.init(tls: error, hasHead: hasHead)
        case is HTTPParserError where !hasHead:
            self.init(.malformedAnswer(reason: "it is not HTTP"))
        default:
            // A connection that breaks: resets, and bodies that end too early.
            self.init(
                hasHead ? .truncated : .unreachable(reason: "the connection broke"),
                retry: hasHead ? .afterBackOff : .atOnce)
        }
    }

    private init(_ error: HTTPClientError, hasHead: Bool) {
        switch error {
        case .cancelled, .alreadyShutdown:
            self.init(hasHead ? .truncated : .unreachable(reason: "the client was shut down"))
        case .connectTimeout, .getConnectionFromPoolTimeout, .httpProxyHandshakeTimeout, .tlsHandshakeTimeout,
            .socksHandshakeTimeout:
            self.init(.unreachable(reason: "no connection in time"), retry: .afterBackOff)
        case .deadlineExceeded, .readTimeout, .writeTimeout: self.init(.timedOut, retry: .afterBackOff)
        case .proxyAuthenticationRequired: self.init(.unreachable(reason: "the proxy demands credentials"))
        case .invalidProxyResponse:
            self.init(.unreachable(reason: "the proxy refused the connection"), retry: .afterBackOff)
        case .remoteConnectionClosed, .uncleanShutdown:
            self.init(
                hasHead ? .truncated : .unreachable(reason: "the connection was closed without an answer"),
                retry: hasHead ? .afterBackOff : .atOnce)
        default: self.init(.malformedAnswer(reason: error.shortDescription))
        }
    }

    private init(tls error: any Error, hasHead: Bool) {
        let text = "\(error)"
        if case NIOSSLError.uncleanShutdown = error {
            self.init(
                hasHead ? .truncated : .unreachable(reason: "the connection was closed without an answer"),
                retry: hasHead ? .afterBackOff : .atOnce)
        } else if error is NIOSSLExtraError {
            self.init(.unreachable(reason: "TLS: the certificate is for another name"))
        } else if text.contains("CERTIFICATE_VERIFY_FAILED") {
            self.init(.unreachable(reason: "TLS: the certificate is not signed by a trusted authority, or has expired"))
        } else if text.contains("CERTIFICATE_REQUIRED") || text.contains("BAD_CERTIFICATE")
            || text.contains("HANDSHAKE_FAILURE")
        {
            self.init(.unreachable(reason: "TLS: the upstream demands a client certificate, or refuses ours"))
        } else if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            self.init(.unreachable(reason: "TLS: the upstream does not speak TLS on this port"))
        } else if text.contains("EOF during handshake") {
            self.init(.unreachable(reason: "TLS: the upstream hung up on the handshake"), retry: .afterBackOff)
        } else {
            self.init(
                .unreachable(reason: "TLS failed" + (Self.libraryReason(text).map { " (\($0))" } ?? "")),
                retry: .afterBackOff)
        }
    }

    /// BoringSSL's name for what went wrong, such as `TLSV1_ALERT_PROTOCOL_VERSION`.
    private static func libraryReason(_ text: String) -> String? {
        let words = text.split { !($0.isASCII && ($0.isUppercase || $0.isNumber || $0 == "_")) }
        return words.first { $0.count > 6 && $0.contains("_") && $0 != "OPENSSL_" }.map(String.init)
    }

    private static func reason(_ error: NIOConnectionError) -> String {
        if error.connectionErrors.isEmpty { return "the name \(error.host) does not resolve" }
        let causes = error.connectionErrors.map { failure in
            switch failure.error {
            case let error as IOError: IOError.text(error.errnoCode)
            case is ChannelError: "timed out"
            default: "failed"
            }
        }
        let distinct = causes.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        return "connecting to \(error.host):\(error.port) failed: \(distinct.joined(separator: "; "))"
    }
}

extension IOError {
    fileprivate static func text(_ code: CInt) -> String { String(cString: strerror(code)) }
}
