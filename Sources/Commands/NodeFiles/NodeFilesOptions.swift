internal import ArgumentParser
internal import NodeConfiguration
internal import OCI

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

struct HostsFolderOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The folder of hosts files, containerd's config_path.", valueName: "path"),
        completion: .directory)
    var folder = "/etc/containerd/certs.d"
}

/// Where K3s's file is, for those who have no folder of hosts files.
struct K3sOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "K3s's or RKE2's registries.yaml, in place of hosts files; it is read at their start alone.",
            valueName: "file"),
        completion: .file())
    var k3s: String?

    var file: K3sRegistriesFile? { k3s.map { K3sRegistriesFile(path: resolved($0, in: workingDirectory())) } }
}

/// What is written on a node: the same for once and for good.
struct NodeFilesOptions: ParsableArguments {
    @OptionGroup var hosts: HostsFolderOptions
    @Option(
        help: ArgumentHelp(
            "An address to ask before the registry: the node's, then the central Weir's. May be given several times.",
            valueName: "url"))
    var mirror: [String] = []
    @Option(help: ArgumentHelp("A registry; without any, all of them (_default).", valueName: "host"))
    var registry: [String] = []
    @Flag(help: "Keep the hosts that are there, after these.")
    var keepExisting = false
    @Flag(help: "Have tags resolved by the registry itself.")
    var digestsOnly = false
    @Option(help: ArgumentHelp("Whoever signed the mirrors' certificates.", valueName: "file")) var ca: String?
    @Option(help: ArgumentHelp("A client certificate for the mirrors.", valueName: "file")) var certificate: String?
    @Option(help: ArgumentHelp("Its private key.", valueName: "file")) var key: String?
    @OptionGroup var k3s: K3sOptions
    @Option(
        help: ArgumentHelp(
            "The hosts files that K3s makes of its own at a start, to tell whether it was restarted.",
            valueName: "folder"),
        completion: .directory)
    var k3sHosts: String?

    func validate() throws {
        guard k3s.k3s == nil || !digestsOnly else {
            throw ValidationError("K3s's registries.yaml has nothing that --digests-only could be written as")
        }
        guard !mirror.isEmpty else { throw ValidationError("give the node's address with --mirror http://HOST:5000") }
        guard (certificate == nil) == (key == nil) else {
            throw ValidationError("--certificate and --key belong together")
        }
        for text in mirror where MirrorAddress(text) == nil {
            throw ValidationError("'\(text)' is no address; write http://HOST:PORT")
        }
    }

    func files() throws(CommandFailure) -> NodeFiles {
        let mirrors = mirror.compactMap { MirrorAddress($0)?.text }
        let registries = try registries()
        let existing: HostsFolder.Existing = keepExisting ? .appended : .setAside
        let path = { (text: String) in resolved(text, in: workingDirectory()) }
        if let file = k3s.file {
            var k3s = K3sRegistries(registries: registries, mirrors: mirrors, existing: existing)
            k3s.certificateAuthorityFile = ca.map(path)
            k3s.clientCertificateFile = certificate.map(path)
            k3s.clientKeyFile = key.map(path)
            let hosts = k3sHosts.map { K3sHosts(folder: path($0)) } ?? K3sHosts.standard(for: file.path)
            return .k3s(k3s, file: file, hosts: hosts)
        }
        let scopes: [HostsFile.Scope] = registries.isEmpty ? [.all] : registries.map { .registry($0) }
        let files = scopes.map { scope in
            var file = HostsFile(scope: scope, mirrors: mirrors, resolvesTags: !digestsOnly)
            file.certificateAuthority = ca.map(path)
            file.clientCertificateFile = certificate.map(path)
            file.clientKeyFile = key.map(path)
            return file
        }
        return .hosts(HostsFolder(path: hosts.folder), files: files, existing: existing)
    }

    private func registries() throws(CommandFailure) -> [RegistryHost] {
        var list: [RegistryHost] = []
        for text in registry {
            guard let host = try? RegistryHost(text) else {
                throw CommandFailure(.usage, "'\(text)' is no registry; write HOST or HOST:PORT")
            }
            list.append(host)
        }
        return list
    }
}

/// An address as containerd takes it: `http://HOST:PORT`, an IPv6 address in brackets.
struct MirrorAddress {
    let text: String

    /// Takes an IPv6 address without brackets as well: a pod is told its node's address so, and can add nothing to it.
    init?(_ text: String) {
        let scheme = text.hasPrefix("http://") ? "http://" : text.hasPrefix("https://") ? "https://" : ""
        let rest = text.dropFirst(scheme.count)
        guard !scheme.isEmpty, !rest.isEmpty, !rest.contains(where: { "/?#@ \"\\".contains($0) }) else { return nil }
        guard !rest.hasPrefix("["), rest.count(where: { $0 == ":" }) > 1 else {
            guard rest.first != ":" else { return nil }
            self.text = text
            return
        }
        guard let colon = rest.lastIndex(of: ":"), UInt16(rest[rest.index(after: colon)...]) != nil else { return nil }
        var address = in6_addr()
        guard inet_pton(AF_INET6, String(rest[..<colon]), &address) == 1 else { return nil }
        self.text = "\(scheme)[\(rest[..<colon])]\(rest[colon...])"
    }
}
