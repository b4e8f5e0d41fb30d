internal import AdmissionWebhook
internal import ArgumentParser
internal import CloudCredentials
internal import Listening
internal import Logging
internal import Metrics
internal import PrometheusMetrics
internal import ServiceLifecycle
internal import UnixSignals
internal import UpstreamClient

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

struct WebhookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook",
        abstract: "Rewrite and judge the images of a Kubernetes cluster's pods, until SIGTERM or SIGINT.",
        discussion: """
            Answers an API server's AdmissionReviews at /mutate and /validate, by 'rewrite' and 'webhook' of the \
            configuration; 'weir client-config webhook' prints what registers it in a cluster. --config also takes a \
            configuration file of harbor-container-webhook, which is then all the configuration there is. SIGHUP reads the \
            configuration again. 'weir serve' has the same webhook where 'webhook.enabled' is true.
            """)

    @OptionGroup var options: ConfigurationOptions
    @Option(
        help: ArgumentHelp(
            "Weir's address in rewritten images, as nodes see it. Else 'rewrite.address'.", valueName: "host:port"))
    var address: String?
    @Option(help: ArgumentHelp("Where the API server connects; may be given several times.", valueName: "host:port"))
    var listen: [String] = []
    @Option(
        help: ArgumentHelp("Where health and metrics are had without TLS; may be repeated.", valueName: "host:port"))
    var operations: [String] = []
    @Option(help: ArgumentHelp("The certificate, with its chain, in a PEM file.", valueName: "file"))
    var certificate: String?
    @Option(help: ArgumentHelp("The certificate's key.", valueName: "file"))
    var key: String?
    @Option(
        help: ArgumentHelp(
            "The least that is logged: \(LogSettings.levels.joined(separator: ", ")).", valueName: "level"),
        completion: .list(LogSettings.levels))
    var logLevel: String?

    // harbor-container-webhook's; it takes them for a client of its own, which there is none of here.
    @Option(name: .customLong("kube-client-qps"), help: .hidden) var kubeClientQPS: Double?
    @Option(name: .customLong("kube-client-burst"), help: .hidden) var kubeClientBurst: Int?
    @Flag(name: .customLong("kube-client-lazy-remap"), help: .hidden) var kubeClientLazyRemap = false

    private var flags: [(name: String, path: [String], value: String)] {
        var flags: [(name: String, path: [String], value: String)] = []
        if let address { flags.append(("--address", ["rewrite", "address"], address)) }
        if let certificate { flags.append(("--certificate", ["webhook", "tls", "certificate"], certificate)) }
        if let key { flags.append(("--key", ["webhook", "tls", "key"], key)) }
        if let logLevel { flags.append(("--log-level", ["log", "level"], logLevel)) }
        return flags
    }

    /// Reads everything anew.
    private func load() throws(CommandFailure) -> ServiceConfiguration {
        let environment = processEnvironment()
        let path = options.config.map { resolved($0, in: workingDirectory()) }
        var service: ServiceConfiguration
        if let path, HarborWebhookLaunch.isHarborFile(path) {
            let loader = ConfigurationLoader(
                flags: [("--config", ["rewrite", "harborWebhook"], path)] + flags,
                environment: environment.filter { !$0.key.hasPrefix("WEIR_") }, workingDirectory: workingDirectory(),
                fallbackFile: "/nonexistent")
            service = try ConfigurationOptions.loaded(loader).service
            HarborWebhookLaunch.apply(to: &service, temporaryDirectory: environment["TMPDIR"] ?? "/tmp")
        } else {
            service = try options.load(flags: flags).service
        }
        if !listen.isEmpty { service.webhook.server.listen = listen }
        if !operations.isEmpty { service.webhook.server.operationsListen = operations }
        return service
    }

    func run() async throws {
        let configuration = try load()
        let level = SharedLogLevel(Logger.Level(rawValue: configuration.log.level) ?? .info)
        LoggingSystem.bootstrap { _ in StandardErrorLog(format: configuration.log.format, level: level) }
        let metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(metrics)
        let logger = Logger(label: "weir")
        if kubeClientQPS != nil || kubeClientBurst != nil || kubeClientLazyRemap {
            logger.warning("--kube-client-qps, -burst and -lazy-remap have no effect here")
        }
        let transport = UpstreamTransport(proxy: configuration.proxy, logger: logger)
        let webhook = try WebhookService(
            configuration,
            .init(
                transport: transport,
                credentials: CredentialContext(environment: processEnvironment(), cloud: CloudClient(), logger: logger),
                operations: Self.operations(metrics)), logger: logger)
        var quiet = logger
        quiet.logLevel = .warning
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    AdmissionRun(server: webhook.server), ReloadRun(command: self, webhook: webhook, logger: logger),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        do {
            try await group.run()
            try? await transport.shutdown()
        } catch {
            try? await transport.shutdown()
            throw CommandFailure(.failure, "\(error)")
        }
    }

    private static func operations(
        _ metrics: PrometheusRegistry
    ) -> [String: @Sendable () async -> OperationalAnswer] {
        let process = ProcessMetrics(factory: metrics)
        Gauge(label: "weir_info", dimensions: [("version", Version.text)], factory: metrics).record(1)
        let isWell: @Sendable () async -> OperationalAnswer = { OperationalAnswer(body: "ok\n") }
        return [
            // Once it listens it can answer: it needs nothing else.
            "/healthz": isWell, "/readyz": isWell,
            "/metrics": {
                process.update()
                return OperationalAnswer(
                    contentType: "text/plain; version=0.0.4; charset=utf-8", body: metrics.exposition())
            },
        ]
    }

    private struct AdmissionRun: Service {
        let server: AdmissionServer

        func run() async throws { try await server.run() }
    }

    /// Tells once that reviews can be sent, and then waits for SIGHUP.
    private struct ReloadRun: Service {
        let command: WebhookCommand
        let webhook: WebhookService
        let logger: Logger

        func run() async throws {
            let addresses = try await webhook.server.boundAddresses()
            let urls = addresses.map { "https://\($0)" }.joined(separator: ", ")
            writeFully("weir \(Version.text) webhook is ready on \(urls)\n", to: STDOUT_FILENO)
            StartupMemory.release()
            for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() { reload() }
        }

        private func reload() {
            do throws(CommandFailure) {
                let configuration = try command.load()
                guard let problem = webhook.reload(configuration) else {
                    return logger.notice("The configuration was reloaded")
                }
                logger.warning("The configuration was reloaded with a warning", metadata: ["warning": "\(problem)"])
            } catch {
                logger.error(
                    "The configuration has errors, and stays as it was", metadata: ["problem": "\(error.message)"])
            }
        }
    }
}
