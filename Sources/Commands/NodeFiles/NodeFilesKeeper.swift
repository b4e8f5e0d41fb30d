internal import Listening
internal import Logging
internal import Metrics
internal import NodeConfiguration
internal import PrometheusMetrics
internal import RegistryServer
internal import ServiceLifecycle
internal import Synchronization
internal import UnixSignals

/// Holds a node's files as they are to be, until it is told to end.
///
/// What it wrote stays when it ends: a pod that is replaced, or a node that restarts, must not send pulls elsewhere for
/// that time. Putting back is an aim of its own.
final class NodeFilesKeeper: Service {
    enum Aim: Sendable {
        case applied(NodeFiles, containerd: ContainerdConfigurationFiles?)
        case restored(NodeFilesPlace)
    }

    private let aim: Aim
    private let interval: Duration
    private let restoresAtEnd: Bool
    private let logger: Logger
    private let state = Mutex(NodeFilesState.unknown)
    private let changes: Counter
    private let readiness: Gauge

    /// - Parameters:
    ///   - interval: between two looks at the files.
    ///   - restoresAtEnd: whether what was there is put back before ``run()`` returns.
    init(
        _ aim: Aim, interval: Duration, restoresAtEnd: Bool = false, metrics: any MetricsFactory, logger: Logger
    ) {
        self.aim = aim
        self.interval = interval
        self.restoresAtEnd = restoresAtEnd
        self.logger = logger
        changes = Counter(label: "weir_node_files_changes_total", dimensions: [], factory: metrics)
        readiness = Gauge(label: "weir_node_files_ready", dimensions: [], factory: metrics)
    }

    /// Why it is not ready; nil where it is.
    var unreadiness: String? { state.withLock { $0.problem } }

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                look()
                try? await Task.sleep(for: interval)
            }
        }
        guard restoresAtEnd, case .applied(let files, _) = aim else { return }
        if let done = try NodeFilesPlace(files).restore() {
            logger.notice("The node's files were changed", metadata: ["detail": "\(done)"])
        }
    }

    /// One round: brings the files to what they are to be, and tells what changed.
    func look() {
        let new = round()
        let old = state.withLock { state in
            defer { state = new }
            return state
        }
        changes.increment(by: new.done.count)
        readiness.record(new.problem == nil ? 1 : 0)
        for line in new.lines(after: old) {
            logger.log(level: line.level, line.message, metadata: ["detail": "\(line.detail)"])
        }
    }

    private func round() -> NodeFilesState {
        do throws(NodeConfigurationError) {
            switch aim {
            case .restored(let place):
                return NodeFilesState(problem: nil, done: try place.restore().map { [$0] } ?? [])
            case .applied(let files, let containerd):
                let done = try files.apply()
                guard let containerd, case .hosts(let folder, _, _) = files else {
                    return NodeFilesState(problem: nil, done: done)
                }
                do throws(NodeConfigurationError) {
                    return NodeFilesState(done: done, findings: try containerd.findings(hostsFolder: folder.path))
                } catch {
                    // They are written, whether or not containerd reads them.
                    return NodeFilesState(problem: "\(error)", done: done)
                }
            }
        } catch {
            return NodeFilesState(problem: "\(error)")
        }
    }
}

/// Runs a keeper in this process, with pages for probes where they are asked for.
enum NodeFilesRun {
    static func run(_ aim: NodeFilesKeeper.Aim, _ options: KeepingOptions, restoresAtEnd: Bool = false) async throws {
        let level = SharedLogLevel(.info)
        LoggingSystem.bootstrap { _ in StandardErrorLog(format: options.logFormat, level: level) }
        let metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(metrics)
        let logger = Logger(label: "weir")
        let keeper = NodeFilesKeeper(
            aim, interval: try options.interval(), restoresAtEnd: restoresAtEnd, metrics: metrics, logger: logger)
        var services: [any Service] = [keeper]
        if !options.listen.isEmpty {
            services.append(PagesRun(server: pages(options.listen, keeper, NodeScrape(metrics), logger: logger)))
        }
        var quiet = logger
        quiet.logLevel = .warning
        do {
            try await ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
            ).run()
        } catch {
            throw CommandFailure(.failure, "\(error)")
        }
    }

    private static func pages(
        _ listen: [String], _ keeper: NodeFilesKeeper, _ scrape: NodeScrape, logger: Logger
    ) -> RegistryServer {
        RegistryServer(
            configuration: NodePages.configuration(listen), node: nil,
            pages: [
                "/healthz": { _ in OperationalAnswer(body: "ok\n") },
                "/readyz": { _ in
                    guard let reason = keeper.unreadiness else { return OperationalAnswer(body: "ok\n") }
                    return OperationalAnswer(status: 503, body: "\(reason)\n")
                },
                "/metrics": { _ in
                    OperationalAnswer(
                        contentType: "text/plain; version=0.0.4; charset=utf-8", body: scrape.text())
                },
            ], logger: logger)
    }

    private struct PagesRun: Service {
        let server: RegistryServer

        func run() async throws { try await server.run() }
    }
}
