package import OCI

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The lines that K3s and RKE2 need in `registries.yaml`.
///
/// The file is the operator's own, with secrets and comments of theirs; so it is printed and merged by hand, or written
/// where there is none.
package struct K3sRegistries: Sendable {
    /// Empty means every registry, `"*"`.
    package var registries: [RegistryHost]
    /// With `/v2`, as K3s wants no path to be added: the node's own, and whatever comes after it.
    package var endpoints: [String]

    package init(registries: [RegistryHost], endpoints: [String]) {
        self.registries = registries
        self.endpoints = endpoints
    }

    package var text: String {
        let names = registries.isEmpty ? ["*"] : registries.map(\.description)
        var text = "\(HostsFile.mark)\nmirrors:\n"
        for name in names {
            text += "  \(quoted(name)):\n    endpoint:\n"
            for endpoint in endpoints { text += "      - \(quoted(endpoint))\n" }
        }
        return text
    }

    /// Writes the file where there is none, or one of ours.
    /// - Returns: false where it is somebody else's.
    package func write(to path: String, existing: String?) throws(NodeConfigurationError) -> Bool {
        if let existing {
            guard existing.hasPrefix(HostsFile.mark) else { return false }
            if existing == text { return true }
        }
        try AtomicFile(path: path).write(Array(text.utf8), mode: 0o600)
        return true
    }

    /// Removes the file where it is one of ours: where there is one, there was none before.
    /// - Returns: false where there is none, or it is somebody else's.
    package static func remove(_ path: String, existing: String?) throws(NodeConfigurationError) -> Bool {
        guard let existing, existing.hasPrefix(HostsFile.mark) else { return false }
        guard unlink(path) == 0 else {
            throw .system(call: "unlink", path: path, reason: String(cString: strerror(errno)))
        }
        return true
    }
}
