internal import OCI

extension ClientConfiguration {
    /// One `hosts.toml` for each registry (containerd `docs/hosts.md`). containerd adds `ns=HOST` by itself.
    static func containerd(
        _ server: Server, registries: [MirroredRegistry], fallsBack: Bool
    ) -> ClientConfiguration {
        let root = "/etc/containerd/certs.d"
        var files = registries.map { registry in
            File(
                path: "\(root)/\(folder(registry.host))/hosts.toml",
                content: hostsFile(server, upstream: fallsBack ? registry.serverURL : server.url))
        }
        files.append(
            File(
                path: "\(root)/\(folder(server.address))/hosts.toml",
                content: hostsFile(server, upstream: server.url)))
        return ClientConfiguration(
            files: files,
            notes: [
                "containerd 2 has to name the folder in /etc/containerd/config.toml: "
                    + "[plugins.'io.containerd.cri.v1.images'.registry] config_path = '\(root)'",
                "containerd 1 has it under [plugins.'io.containerd.grpc.v1.cri'.registry]; ctr takes --hosts-dir, nerdctl "
                    + "finds the folder by itself.",
                "Changed files are used at once; a changed config.toml needs: systemctl restart containerd",
            ])
    }

    private static func hostsFile(_ server: Server, upstream: String) -> String {
        var text = "server = \(JSONValue.quoted(upstream))\n\n[host.\(JSONValue.quoted(server.url))]\n"
        text += "  capabilities = [\"pull\", \"resolve\"]\n"
        if server.usesTLS, let authority = server.authorityFile { text += "  ca = \(JSONValue.quoted(authority))\n" }
        return text
    }

    /// `registry.example_5000_`, the form that every file system and tool can hold.
    private static func folder(_ host: RegistryHost) -> String {
        host.port.map { "\(host.name)_\($0)_" } ?? host.name
    }
}
