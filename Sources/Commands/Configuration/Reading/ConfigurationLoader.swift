internal import OCI
internal import PullThroughCache
internal import RegistryServer
internal import Rules
internal import UpstreamClient

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Reads the configuration from its file, the environment and flags, and checks it whole.
package struct ConfigurationLoader: Sendable {
    /// Read where neither a flag nor the environment names a file, and it exists.
    package static let defaultFile = "/etc/weir/weir.yaml"

    /// `--config`; nil where it was not given.
    package var file: String?
    /// Other flags: their name, the keys that lead to the setting, and its value.
    package var flags: [(name: String, path: [String], value: String)]
    package var environment: [String: String]
    /// What relative paths on the command line and in the environment start from.
    package var workingDirectory: String
    /// Stands in for ``defaultFile`` in tests.
    package var fallbackFile: String

    package init(
        file: String? = nil, flags: [(name: String, path: [String], value: String)] = [],
        environment: [String: String], workingDirectory: String, fallbackFile: String = Self.defaultFile
    ) {
        self.file = file
        self.flags = flags
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.fallbackFile = fallbackFile
    }

    /// - Throws: ``ConfigurationError`` with everything that is wrong, warnings included.
    package func load() throws(ConfigurationError) -> LoadedConfiguration {
        let path = try chosenFile()
        let (layers, layerProblems) = layers(file: path)
        var (settings, problems) = read(layers)
        problems += layerProblems

        let assembly = RuleAssembly(settings)
        problems += assembly.problems
        problems += check(settings)
        settings.complete(directory: defaultDirectory())
        let proxy = proxySettings(settings.proxy, problems: &problems)
        if let socket = settings.control.socket, socket.utf8.count > 100 {
            problems.append(
                ConfigurationProblem(
                    "the control socket's path is longer than 100 bytes, which the system does not allow; give a "
                        + "shorter one as 'control.socket': \(socket)", at: .init(source: path ?? "control.socket")))
        }
        let rewrite = RewriteAssembly(settings.rewrite, source: path ?? "rewrite")
        problems += rewrite.problems
        let node = NodeAssembly(
            settings.node, server: settings.service(assembly: assembly, proxy: proxy).server,
            rules: Set(assembly.upstreams.keys), source: path ?? "node")
        problems += node.problems
        let webhook = WebhookConfigurationAssembly(
            settings.webhook, rewrite: rewrite.configuration,
            makesCertificates: settings.kubernetes?.certificates != nil, environment: environment,
            source: path ?? "webhook")
        problems += webhook.problems
        let grants = settings.grants.map { grants in
            GrantConfiguration(
                grants, directory: settings.storage.directory ?? defaultDirectory(), source: path ?? "grants",
                problems: &problems)
        }
        problems = problems.inReadingOrder
        guard !problems.contains(where: { $0.severity == .error }) else { throw ConfigurationError(problems: problems) }
        var service = settings.service(assembly: assembly, proxy: proxy)
        service.rewrite = rewrite.configuration
        service.kubernetes = settings.kubernetes.map { KubernetesConfiguration($0) }
        service.node = node.configuration
        service.webhook = webhook.configuration
        service.grants = grants
        return LoadedConfiguration(file: path, settings: settings, service: service, warnings: problems)
    }

    // MARK: The file

    private func chosenFile() throws(ConfigurationError) -> String? {
        if let file { return file }
        if let file = environment[EnvironmentVariables.configuration], !file.isEmpty { return file }
        return access(fallbackFile, F_OK) == 0 ? fallbackFile : nil
    }

    // MARK: What concerns several settings

    private func check(_ settings: Settings) -> [ConfigurationProblem] {
        var problems: [ConfigurationProblem] = []
        let high = settings.storage.highWatermark, low = settings.storage.lowWatermark
        if low.value > high.value {
            problems.append(
                ConfigurationProblem(
                    "lowWatermark (\(low.value)%) is above highWatermark (\(high.value)%); eviction ends at the low one",
                    at: high.place.line == nil ? low.place : high.place))
        }
        if let tls = settings.tls, tls.value.certificate == nil || tls.value.key == nil {
            problems.append(
                ConfigurationProblem("'tls' needs both 'certificate' and 'key'; add the other", at: tls.place))
        }
        return problems
    }

    private func proxySettings(
        _ settings: ProxyFileSettings, problems: inout [ConfigurationProblem]
    ) -> ProxySettings {
        func fromEnvironment(_ name: String) -> String? {
            // Lower case first, as curl has it.
            for name in [name.lowercased(), name] {
                guard let value = environment[name], !value.isEmpty else { continue }
                if ProxyText.isWellFormed(value) { return value }
                problems.append(
                    ConfigurationProblem(
                        "the value is no proxy that weir can use; write http://HOST:PORT", at: .init(source: name)))
            }
            return nil
        }
        let exceptions = (environment["no_proxy"] ?? environment["NO_PROXY"] ?? "").split(separator: ",")
            .map { String($0.filter { $0 != " " }) }.filter { !$0.isEmpty }
        return ProxySettings(
            http: settings.http?.reveal() ?? fromEnvironment("HTTP_PROXY"),
            https: settings.https?.reveal() ?? fromEnvironment("HTTPS_PROXY"),
            exceptions: settings.exceptions ?? exceptions)
    }

    /// `/var/lib/weir` for whoever may write there, else a directory of the user's own.
    private func defaultDirectory() -> String {
        let shared = "/var/lib/weir"
        if geteuid() == 0 || isWritableDirectory(shared) { return shared }
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return "\(data)/weir" }
        if let home = environment["HOME"], home.hasPrefix("/") { return "\(home)/.local/share/weir" }
        return shared
    }
}

extension [ConfigurationProblem] {
    /// Those of one source together, by line; what has no line comes first.
    fileprivate var inReadingOrder: [ConfigurationProblem] {
        enumerated().sorted { left, right in
            let (a, b) = (left.element.place, right.element.place)
            if a.source != b.source { return left.offset < right.offset }
            return (a.line ?? 0, a.column ?? 0, left.offset) < (b.line ?? 0, b.column ?? 0, right.offset)
        }.map(\.element)
    }
}
