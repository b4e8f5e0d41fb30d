internal import ContainerdClient
internal import Logging
internal import PeerRegistry
internal import RegistryServer
internal import ServiceLifecycle

/// A node that shares its images, put together from its parts.
struct NodeService {
    private let sharing: NodeSharing
    private let server: RegistryServer
    private let store: ClosedStore?
    private let logger: Logger

    /// - Parameter store: whose content is shared; nil for containerd's.
    /// - Throws: ``CommandFailure`` that says what is wrong, and what to do.
    init(_ configuration: NodeConfiguration, store: ClosedStore?, _ telemetry: Telemetry) throws(CommandFailure) {
        logger = telemetry.logger
        self.store = store
        let sharing: NodeSharing
        if let store {
            sharing = try NodeSharing(
                configuration, content: store.content,
                keeper: NodeController.Keeper(name: "store", directory: { store.directory }), telemetry)
        } else {
            let content = ContainerdContent(
                api: ContainerdAPI(
                    socket: configuration.containerdSocket, namespace: configuration.containerdNamespace),
                contentRoot: configuration.contentDirectory, logger: logger)
            sharing = try NodeSharing(
                configuration, content: content,
                keeper: NodeController.Keeper(name: "containerd", directory: { content.contentRoot }), telemetry)
        }
        self.sharing = sharing
        server = RegistryServer(
            configuration: configuration.server, node: sharing.registry,
            authorization: configuration.registry.authorization, localClients: configuration.localClients,
            usesSpegelNames: configuration.usesSpegelNames, pages: NodePages(controller: sharing.controller).probes,
            logger: logger)
        sharing.controller.setAddresses { [server] in (try? await server.boundAddresses()) ?? [] }
    }

    /// Shares until SIGTERM or SIGINT.
    /// - Parameter onReady: called once, with the addresses that containerd can use.
    func run(onReady: @escaping @Sendable ([String]) -> Void) async throws(CommandFailure) {
        let (server, sharing, store) = (server, sharing, store)
        var parts = ServiceParts()
        sharing.add(to: &parts, server: server)
        parts.add(server: server)
        parts.addWhenListening {
            onReady(try await server.boundAddresses())
            try await gracefulShutdown()
        }
        try await parts.run(logger: logger, releasing: { store?.releaseMemory() }) {
            await sharing.close()
            await store?.close()
        }
    }
}
