package import CloudCredentials
package import UpstreamClient

extension CloudClient {
    /// Reaches clouds as upstreams are reached: by the configuration's proxies, but for their exceptions.
    package convenience init(proxy: ProxySettings) {
        self.init { origin in
            guard let address = try? WebAddress(origin) else { return .closed(reason: "its address is malformed") }
            return switch proxy.decision(for: address) {
            case .direct: .direct
            case .through(let proxy):
                .through(
                    CloudProxy(
                        host: proxy.host, port: proxy.port, username: proxy.username, password: proxy.password))
            case .malformed: .closed(reason: "the proxy setting is malformed")
            }
        }
    }
}
