package import Listening

extension RegistryServer {
    /// Where the server listens, and its bounds. Defaults as given here.
    package struct Configuration: Sendable, Hashable {
        /// `HOST:PORT` each; IPv6 addresses in brackets. Port 0 takes a free one.
        package var listen: [String]
        /// How another address is given, for people.
        package var listenSetting = "with --listen"
        package var tls: TLS?
        /// A request's line and fields together; default 32 KiB. Longer ones are answered 431.
        package var headerLimitBytes: Int
        /// From a connection's, or a request's, first byte to the end of its fields; default 10 seconds.
        package var headerTimeout: Duration
        /// A connection without a request; default 120 seconds.
        package var idleTimeout: Duration
        /// No byte of an answer taken by the client; default 60 seconds.
        package var writeTimeout: Duration
        /// Connections at one time; more are closed at once. Default 16 384.
        package var connectionLimit: Int
        /// How long running transfers may go on after the shutdown began; default 30 seconds.
        package var drainTimeout: Duration
        /// CIDR blocks whose clients may force revalidation; default loopback.
        package var refreshAllowedFrom: [String]
        /// The name under which the cache appears in `Cache-Status`; default `Weir`.
        package var cacheName: String
        /// Whether every request is logged.
        package var logsAccess: Bool

        package init(
            listen: [String] = ["0.0.0.0:5000"], tls: TLS? = nil, headerLimitBytes: Int = 32 << 10,
            headerTimeout: Duration = .seconds(10), idleTimeout: Duration = .seconds(120),
            writeTimeout: Duration = .seconds(60), connectionLimit: Int = 16_384,
            drainTimeout: Duration = .seconds(30), refreshAllowedFrom: [String] = ["127.0.0.0/8", "::1/128"],
            cacheName: String = "Weir", logsAccess: Bool = true
        ) {
            self.listen = listen
            self.tls = tls
            self.headerLimitBytes = headerLimitBytes
            self.headerTimeout = headerTimeout
            self.idleTimeout = idleTimeout
            self.writeTimeout = writeTimeout
            self.connectionLimit = connectionLimit
            self.drainTimeout = drainTimeout
            self.refreshAllowedFrom = refreshAllowedFrom
            self.cacheName = cacheName
            self.logsAccess = logsAccess
        }
    }

    package typealias TLS = CertificateFiles
}
