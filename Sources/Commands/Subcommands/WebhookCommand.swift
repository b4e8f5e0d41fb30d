internal import AdmissionWebhook
internal import ArgumentParser
internal import CloudCredentials
internal import Listening
internal import Logging
internal import ServiceLifecycle
internal import UpstreamClient

struct WebhookCommand: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook",
        abstract: "Rewrite and judge the images of a Kubernetes cluster's pods, until SIGTERM or SIGINT.",
        discussion: """
            Answers an API server's AdmissionReviews at /mutate and /validate, by 'rewrite' and 'webhook' of the \
            configuration; 'weir client-config webhook' prints what registers it in a cluster. --config also takes a \
            configuration file of harbor-container-webhook, which is then all the configuration there is. SIGHUP reads the \
            configuration again. 'kubernetes' has it read and copy pull secrets, and make its certificate. 'weir serve' has the same \
            webhook where 'webhook.enabled' is true.
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
    private func load() throws(CommandFailure) -> (service: ServiceConfiguration, warnings: [ConfigurationProblem]) {
        let environment = processEnvironment()
        let path = options.config.map { resolved($0, in: workingDirectory()) }
        let loaded: LoadedConfiguration
        let isHarbor = path.map { HarborWebhookLaunch.isHarborFile($0) } ?? false
        if let path, isHarbor {
            let loader = ConfigurationLoader(
                flags: [("--config", ["rewrite", "harborWebhook"], path)] + flags,
                environment: environment.filter { !$0.key.hasPrefix("WEIR_") }, workingDirectory: workingDirectory(),
                fallbackFile: "/nonexistent")
            loaded = try ConfigurationOptions.loaded(loader)
        } else {
            loaded = try options.load(flags: flags)
        }
        var service = loaded.service
        if isHarbor { HarborWebhookLaunch.apply(to: &service, environment: environment) }
        if !listen.isEmpty { service.webhook.server.listen = listen }
        if !operations.isEmpty { service.webhook.server.operationsListen = operations }
        return (service, loaded.warnings)
    }

    func run() async throws {
        let (configuration, warnings) = try load()
        let telemetry = Telemetry(configuration.log, warnings: warnings)
        let logger = telemetry.logger
        if kubeClientQPS != nil || kubeClientBurst != nil || kubeClientLazyRemap {
            logger.warning("--kube-client-qps, -burst and -lazy-remap have no effect here")
        }
        let transport = UpstreamTransport(proxy: configuration.proxy, logger: logger)
        let scrape = ProcessScrape(telemetry.metrics)
        var surroundings = WebhookService.Surroundings(
            transport: transport,
            credentials: CredentialContext(
                environment: processEnvironment(), cloud: CloudClient(proxy: configuration.proxy), logger: logger),
            // Once it listens it can answer: it needs nothing else.
            operations: OperationalAnswer.pages(problem: { nil }, metrics: { scrape.text() }))
        let cluster = try Cluster.ofWebhook(configuration, logger: logger)
        cluster?.serve(&surroundings, configuration.webhook)
        let webhook = try WebhookService(configuration, surroundings, logger: logger)
        var parts = ServiceParts()
        // Before the server, which ends first: it may end without ever having had a certificate to listen with.
        parts.add {
            if let addresses = try? await webhook.server.boundAddresses() {
                Announcement(program: "weir \(Version.text) webhook", scheme: "https").make(addresses)
            }
            try await gracefulShutdown()
        }
        parts.add { await ReloadSignal.run { reload(webhook, since: configuration, telemetry) } }
        if let cluster { parts.addCancelled { await cluster.run() } }
        parts.add { try await webhook.server.run() }
        try await parts.run(logger: logger, reloads: true) { try? await transport.shutdown() }
    }

    /// - Parameter started: the configuration of the start, which counts for what needs a restart.
    private func reload(_ webhook: WebhookService, since started: ServiceConfiguration, _ telemetry: Telemetry) {
        do throws(CommandFailure) {
            let (new, warnings) = try load()
            let problem = webhook.reload(new)
            if let level = Logger.Level(rawValue: new.log.level) { telemetry.level.level = level }
            ReloadReport(
                needsRestart: new.webhookChangesThatNeedRestart(since: started),
                warnings: warnings.map(\.description) + (problem.map { [$0] } ?? [])
            ).tell(telemetry.logger)
        } catch {
            ReloadReport.tellRefusal(error.message, telemetry.logger)
        }
    }
}
