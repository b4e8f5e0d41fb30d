internal import OCI

extension ClientConfiguration {
    /// K3s makes containerd's files from this (k3s-io/docs `private-registry.md`), with `ns` like there.
    static func k3s(_ server: Server, registries: [MirroredRegistry], fallsBack: Bool) -> ClientConfiguration {
        var text = "mirrors:\n"
        for host in registries.map(\.host) + [server.address] {
            text += "  \(JSONValue.quoted(host.description)):\n    endpoint:\n      - \(JSONValue.quoted(server.url))\n"
        }
        if server.usesTLS, let authority = server.authorityFile {
            text += "configs:\n  \(JSONValue.quoted(server.address.description)):\n"
            text += "    tls:\n      ca_file: \(JSONValue.quoted(authority))\n"
        }
        var notes = [
            "On every node, then: systemctl restart k3s (or k3s-agent). RKE2 reads /etc/rancher/rke2/registries.yaml."
        ]
        if !fallsBack {
            notes.append("Start K3s with --disable-default-registry-endpoint, or it goes to the registries itself.")
        }
        return ClientConfiguration(
            files: [File(path: "/etc/rancher/k3s/registries.yaml", content: text)], notes: notes)
    }
}
