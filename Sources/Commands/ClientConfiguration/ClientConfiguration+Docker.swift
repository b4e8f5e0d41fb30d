internal import OCI
internal import Rules

extension ClientConfiguration {
    /// Docker asks mirrors for Docker Hub alone, at their root (moby `registry/service_v2.go`).
    static func docker(
        _ server: Server, rules: RuleTable, registries: [MirroredRegistry]
    ) throws(ValueProblem) -> ClientConfiguration {
        guard let rule = rules.defaultRule.flatMap({ rules[$0] }), rule.host == .dockerHub else {
            throw ValueProblem(
                "Docker uses mirrors for Docker Hub only, and the default rule of this configuration is another; let the "
                    + "rule for docker.io be the 'defaultRule'")
        }
        var members: [JSONValue.Member] = [.init("registry-mirrors", .array([.string(server.url)]))]
        if !server.usesTLS {
            members.append(.init("insecure-registries", .array([.string(server.address.description)])))
        }
        var notes = [
            "Merge this into /etc/docker/daemon.json if there is one already, then: systemctl restart docker"
        ]
        if let authority = server.authorityFile {
            notes.append("Copy \(authority) to /etc/docker/certs.d/\(server.address)/ca.crt.")
        }
        let others = registries.filter { $0.host != .dockerHub }.compactMap(\.path)
        if let first = others.first {
            notes.append(
                "Docker uses mirrors for Docker Hub only. Pull from other registries by path, such as "
                    + "\(server.address)/\(first)/…; these are known: \(others.joined(separator: ", ")).")
        }
        return ClientConfiguration(
            files: [File(path: "/etc/docker/daemon.json", content: JSONValue.object(members).text)], notes: notes)
    }
}
