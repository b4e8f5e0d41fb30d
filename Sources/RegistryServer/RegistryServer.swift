package import Logging
package import PullThroughCache
package import Rules

/// The registry's own port: HTTP/1.1, and HTTP/2 over TLS, on SwiftNIO.
package final class RegistryServer: Sendable {
    /// - Parameters:
    ///   - rules: asked for every request, so that a reload takes effect at once.
    ///   - operations: answers for paths outside `/v2/`, such as `/healthz` and `/metrics`.
    package init(
        configuration: Configuration, content: any ContentSource, rules: @escaping @Sendable () -> RuleTable,
        operations: [String: @Sendable () async -> OperationalAnswer], logger: Logger
    ) {}

    /// Listens until a graceful shutdown, then lets running transfers end, for ``Configuration/drainTimeout`` at the
    /// longest. Throws ``RegistryServerError`` where it cannot listen.
    package func run() async throws {}

    /// Reads certificate and key again. Connections under way keep what they have.
    package func reloadCertificate() throws(RegistryServerError) {}

    /// The addresses listened on, once ``run()`` listens; suspends until then.
    package func boundAddresses() async throws -> [String] { [] }
}

/// The answer of an operational path.
package struct OperationalAnswer: Sendable {
    package var status: Int
    package var contentType: String
    package var body: String

    package init(status: Int = 200, contentType: String = "text/plain; charset=utf-8", body: String) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }
}

/// Why the server cannot serve.
package enum RegistryServerError: Error, Hashable, CustomStringConvertible {
    case cannotListen(address: String, reason: String)
    case cannotReadCertificate(file: String, reason: String)

    package var description: String {
        switch self {
        case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
        case .cannotReadCertificate(let file, let reason): "cannot read the certificate or key \(file): \(reason)"
        }
    }
}
