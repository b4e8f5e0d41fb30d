internal import AsyncHTTPClient
package import Logging

/// The connections to all upstreams: one HTTP client for each way of speaking TLS.
package final class UpstreamTransport: Sendable {
    package init(proxy: ProxySettings, logger: Logger) {}

    /// Closes every connection; requests under way fail.
    package func shutdown() async throws {}
}

/// Proxies on the way to upstreams, as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name them.
package struct ProxySettings: Sendable, Hashable {
    /// For `http:` and `https:` upstreams: `http://[USER:PASSWORD@]HOST:PORT`, or `HOST:PORT`. Nil: directly.
    package var http: String?
    package var https: String?
    /// Hosts reached directly: names (with everything under them), `.suffix`, addresses, CIDR blocks, `*`.
    package var exceptions: [String]

    package init(http: String? = nil, https: String? = nil, exceptions: [String] = []) {
        self.http = http
        self.https = https
        self.exceptions = exceptions
    }
}
