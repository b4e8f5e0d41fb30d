internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Why a request of the HTTP client had no answer, or not all of it, in words for people: without addresses' secrets and
/// fields, and without the names of libraries.
package enum HTTPFailure: Error, Hashable, CustomStringConvertible {
    case cancelled
    case shutDown
    /// There was a connection, and the answer did not come in time.
    case timedOut
    /// No connection could be made.
    case notConnected(reason: String)
    case proxy(ProxyFailure)
    case tls(TLSFailure)
    /// The other side closed the connection in order, and before its answer was whole.
    case closed
    /// The connection broke: a reset, or something unforeseen.
    case broken
    /// What came is no HTTP, or none that may be taken.
    case malformed(reason: String)

    package enum ProxyFailure: Hashable, Sendable {
        case demandsCredentials
        case refuses
    }

    package enum TLSFailure: Hashable, Sendable {
        /// The certificate is for another name.
        case otherName
        /// It is not signed by a trusted authority, or not valid now.
        case untrusted
        /// A client's certificate is demanded, or the one shown refused.
        case clientCertificate
        /// Something else than TLS answers.
        case noTLS
        /// The connection ended in the handshake.
        case hungUp
        /// BoringSSL's name for it, such as `TLSV1_ALERT_PROTOCOL_VERSION`; nil where it has none.
        case other(String?)
    }

    package var description: String {
        switch self {
        case .cancelled: "cancelled"
        case .shutDown: "the client was shut down"
        case .timedOut: "no answer in time"
        case .notConnected(let reason): reason
        case .proxy(.demandsCredentials): "the proxy demands credentials"
        case .proxy(.refuses): "the proxy refused the connection"
        case .tls(let failure): "TLS: \(failure)"
        case .closed: "the connection was closed without an answer"
        case .broken: "the connection broke"
        case .malformed(let reason): reason
        }
    }
}

extension HTTPFailure.TLSFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .otherName: "the certificate is for another name"
        case .untrusted: "the certificate is not signed by a trusted authority, or has expired"
        case .clientCertificate: "the server demands a client certificate, or refuses ours"
        case .noTLS: "the server does not speak TLS on this port"
        case .hungUp: "the server hung up on the handshake"
        case .other(let name): name.map { "it failed (\($0))" } ?? "it failed"
        }
    }
}

extension HTTPFailure {
    /// Names what the client threw.
    package init(_ error: any Error) {
        switch error {
        case let failure as HTTPFailure: self = failure
        case is CancellationError: self = .cancelled
        case let error as HTTPClientError: self.init(client: error)
        case let error as NIOConnectionError: self = .notConnected(reason: Self.reason(error))
        case let error as IOError where error.errnoCode != ECONNRESET && error.errnoCode != EPIPE:
            self = .notConnected(reason: "connecting failed: \(Self.text(error.errnoCode))")
        case NIOSSLError.uncleanShutdown: self = .closed
        case is NIOSSLExtraError: self = .tls(.otherName)
        case is BoringSSLError, is NIOSSLError: self = .tls(TLSFailure(library: "\(error)"))
        case is NIOTooManyBytesError: self = .malformed(reason: "the answer is too long")
        case is HTTPParserError: self = .malformed(reason: "it is not HTTP")
        default: self = .broken
        }
    }

    private init(client error: HTTPClientError) {
        switch error {
        case .cancelled: self = .cancelled
        case .alreadyShutdown: self = .shutDown
        case .connectTimeout, .getConnectionFromPoolTimeout, .httpProxyHandshakeTimeout, .tlsHandshakeTimeout,
            .socksHandshakeTimeout:
            self = .notConnected(reason: "no connection in time")
        case .deadlineExceeded, .readTimeout, .writeTimeout: self = .timedOut
        case .proxyAuthenticationRequired: self = .proxy(.demandsCredentials)
        case .invalidProxyResponse: self = .proxy(.refuses)
        case .remoteConnectionClosed, .uncleanShutdown: self = .closed
        default: self = .malformed(reason: error.shortDescription)
        }
    }

    private static func reason(_ error: NIOConnectionError) -> String {
        if error.connectionErrors.isEmpty { return "the name \(error.host) does not resolve" }
        let causes = error.connectionErrors.map { failure in
            switch failure.error {
            case let error as IOError: text(error.errnoCode)
            case is ChannelError: "timed out"
            default: "failed"
            }
        }
        let distinct = causes.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        return "connecting to \(error.host):\(error.port) failed: \(distinct.joined(separator: "; "))"
    }

    private static func text(_ code: CInt) -> String { String(cString: strerror(code)) }
}

extension HTTPFailure.TLSFailure {
    /// By what the library says of it: its errors have no codes of their own for these.
    fileprivate init(library text: String) {
        func says(_ names: String...) -> Bool { names.contains { text.contains($0) } }
        if says("CERTIFICATE_VERIFY_FAILED") {
            self = .untrusted
        } else if says(
            "CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE",
            // An end that has come, and a signature that is somebody else's of the same name.
            "ALERT_CERTIFICATE_", "ALERT_DECRYPT_ERROR", "ALERT_ACCESS_DENIED")
        {
            self = .clientCertificate
        } else if says("WRONG_VERSION_NUMBER", "HTTP_REQUEST") {
            self = .noTLS
        } else if says("EOF during handshake") {
            self = .hungUp
        } else {
            let words = text.split { !($0.isASCII && ($0.isUppercase || $0.isNumber || $0 == "_")) }
            self = .other(words.first { $0.count > 6 && $0.contains("_") && $0 != "OPENSSL_" }.map(String.init))
        }
    }
}
