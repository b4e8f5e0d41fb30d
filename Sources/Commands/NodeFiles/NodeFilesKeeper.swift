internal import Listening
internal import Logging
internal import Metrics
internal import NodeConfiguration
internal import RegistryServer
internal import ServiceLifecycle
internal import Synchronization

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
                let changes = try files.apply()
                do throws(NodeConfigurationError) {
                    guard let containerd, case .hosts(let folder, _, _) = files else {
                        return NodeFilesState(problem: try files.pending(changes), done: changes.done)
                    }
                    return NodeFilesState(
                        done: changes.done, findings: try containerd.findings(hostsFolder: folder.path))
                } catch {
                    // They are written, whether or not anybody reads them.
                    return NodeFilesState(problem: "\(error)", done: changes.done)
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
        let telemetry = Telemetry(.init(format: options.logFormat, level: Logger.Level.info.rawValue), warnings: [])
        let keeper = NodeFilesKeeper(
            aim, interval: try options.interval(), restoresAtEnd: restoresAtEnd, metrics: telemetry.metrics,
            logger: telemetry.logger)
        var parts = ServiceParts()
        parts.add { try await keeper.run() }
        if !options.listen.isEmpty {
            let scrape = ProcessScrape(telemetry.metrics)
            let pages = OperationalAnswer.pages(problem: { keeper.unreadiness }, metrics: { scrape.text() })
            let server = RegistryServer(
                configuration: NodePages.configuration(options.listen), node: nil,
                pages: pages.mapValues { page -> NodePages.Page in { _ in await page() } }, logger: telemetry.logger)
            parts.add(server: server)
            parts.addWhenListening {
                IdleMemory.release()
                try await gracefulShutdown()
            }
        }
        try await parts.run(logger: telemetry.logger) {}
    }
}
