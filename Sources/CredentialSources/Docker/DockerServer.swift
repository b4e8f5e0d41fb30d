/// A registry as Docker's configuration and its credential helpers name it.
package struct DockerServer: Sendable, Hashable {
    /// What Docker Hub is called there, for reasons of history.
    private static let hubURL = "https://index.docker.io/v1/"
    private static let hubHosts = ["index.docker.io", "docker.io", "registry-1.docker.io"]

    /// `HOST` or `HOST:PORT`, in lower case.
    private let host: String

    /// - Parameter host: `HOST` or `HOST:PORT`; any of Docker Hub's names is Docker Hub.
    package init(host: String) { self.host = host.lowercased() }

    private var isHub: Bool { Self.hubHosts.contains(host) }

    /// What a helper is asked for.
    package var url: String { isHub ? Self.hubURL : host }

    /// Its keys in their order, the one that Docker writes first.
    var keys: [String] {
        isHub ? [Self.hubURL] + Self.hubHosts : [host, "https://\(host)", "https://\(host)/", "http://\(host)"]
    }

    /// Whether `key`, without scheme and path, is this host: `https://registry.corp:5000/v2/`.
    func isNamed(by key: String) -> Bool {
        var rest = key[...]
        for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
        let name = rest.prefix { $0 != "/" }.lowercased()
        return isHub ? Self.hubHosts.contains(name) : name == host
    }
}
