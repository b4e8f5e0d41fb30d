/// Proxies on the way to upstreams, as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name them.
///
/// Every connection through a proxy is a `CONNECT` tunnel, also for plain `http:`. Names are resolved by the proxy: what
/// networks redirects may lead to there is the proxy's to enforce, and only spelled-out addresses are judged here.
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
