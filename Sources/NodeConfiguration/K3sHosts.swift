internal import OCI

/// The hosts files that K3s makes of `registries.yaml`, at its start and at no other time: what containerd does in fact.
package struct K3sHosts: Sendable, Hashable {
    /// `…/agent/etc/containerd/certs.d` of K3s's data.
    package let folder: String

    package init(folder: String) { self.folder = folder }

    /// Where K3s and RKE2 have it, by where their `registries.yaml` is; nil for a file elsewhere.
    package static func standard(for path: String) -> K3sHosts? {
        let parts = path.split(separator: "/")
        guard parts.count == 4, parts[0] == "etc", parts[1] == "rancher", parts[3] == "registries.yaml",
            parts[2] == "k3s" || parts[2] == "rke2"
        else { return nil }
        return K3sHosts(folder: "/var/lib/rancher/\(parts[2])/agent/etc/containerd/certs.d")
    }

    /// Whether K3s has started since it was told of `registries`, but for those that are `untouched`.
    package func have(_ registries: K3sRegistries, untouched: [String]) throws(NodeConfigurationError) -> Bool {
        let names = registries.registries.isEmpty ? ["*"] : registries.registries.map(\.description)
        for name in names where !untouched.contains(name) {
            guard let text = try text(for: name) else { return false }
            // K3s writes the path out, also where it is the usual one.
            for mirror in registries.mirrors
            where !text.contains(quoted("\(mirror)/v2")) && !text.contains(quoted(mirror)) { return false }
        }
        return true
    }

    /// A port stands in the folder's name as `_PORT_`: containerd's other way to write it.
    private func text(for name: String) throws(NodeConfigurationError) -> String? {
        let folders = name == "*" ? [HostsFile.standardFolder] : HostsFile.folders(name)
        for folder in folders {
            if let text = try HostsFolder(path: self.folder).read("\(self.folder)/\(folder)/hosts.toml") {
                return text
            }
        }
        return nil
    }
}
