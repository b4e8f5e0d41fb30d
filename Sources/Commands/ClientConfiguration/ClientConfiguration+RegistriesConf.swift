internal import OCI

extension ClientConfiguration {
    /// podman, buildah, skopeo and CRI-O (containers/image `containers-registries.conf.5.md`). They send no `ns`: the
    /// path says which registry is meant.
    static func registriesConf(
        _ server: Server, registries: [MirroredRegistry], fallsBack: Bool, isCRIO: Bool
    ) -> ClientConfiguration {
        var text = ""
        var left: [String] = []
        for registry in registries {
            guard let path = registry.path else {
                left.append(registry.host.description)
                continue
            }
            let host = JSONValue.quoted(registry.host.description)
            let mirror = JSONValue.quoted("\(server.address)/\(path)")
            text += "[[registry]]\nprefix = \(host)\n"
            if fallsBack {
                text += "location = \(host)\n"
                if registry.serverURL.hasPrefix("http:") { text += "insecure = true\n" }
                text += "\n[[registry.mirror]]\nlocation = \(mirror)\n"
            } else {
                text += "location = \(mirror)\n"
            }
            if !server.usesTLS { text += "insecure = true\n" }
            text += "\n"
        }
        text += "[[registry]]\nlocation = \(JSONValue.quoted(server.address.description))\n"
        if !server.usesTLS { text += "insecure = true\n" }
        var notes: [String] = []
        if isCRIO {
            notes.append("On every node, then: systemctl reload crio")
        } else {
            notes.append(
                "podman, buildah and skopeo read it at once; without root it may be in ~/.config/containers/registries.conf.d."
            )
        }
        notes.append(
            "Short names such as 'nginx' need unqualified-search-registries = [\"docker.io\"] in registries.conf.")
        if server.usesTLS, let authority = server.authorityFile {
            notes.append("Copy \(authority) to /etc/containers/certs.d/\(server.address)/ca.crt.")
        }
        if !left.isEmpty {
            notes.append(
                "These have no path and are left out; give each a rule with a prefix: \(left.joined(separator: ", ")).")
        }
        return ClientConfiguration(
            files: [File(path: "/etc/containers/registries.conf.d/50-weir.conf", content: text)], notes: notes)
    }
}
