internal import OCI

/// A registry that is served without configuration.
struct WellKnownRegistry {
    /// As references name it.
    let host: RegistryHost
    /// Where its API answers.
    let apiHost: RegistryHost
    /// Token services outside its own domain.
    let trustedRealms: [RegistryHost]

    /// The public registries, Docker Hub first.
    static let all: [WellKnownRegistry] = [
        ("docker.io", "registry-1.docker.io", []), ("ghcr.io", nil, []), ("quay.io", nil, []),
        ("registry.k8s.io", nil, []), ("gcr.io", nil, []), ("mcr.microsoft.com", nil, []),
        ("public.ecr.aws", nil, []), ("registry.gitlab.com", nil, ["gitlab.com"]), ("nvcr.io", nil, []),
    ].compactMap { (name: String, api: String?, realms: [String]) in
        guard let host = try? RegistryHost(name), let apiHost = try? RegistryHost(api ?? name) else { return nil }
        return WellKnownRegistry(
            host: host, apiHost: apiHost, trustedRealms: realms.compactMap { try? RegistryHost($0) })
    }

    static var names: [String] { all.map(\.host.description) }

    static subscript(host: RegistryHost) -> WellKnownRegistry? {
        let canonical = host.canonical
        return all.first { $0.host == canonical }
    }
}
