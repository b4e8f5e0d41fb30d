internal import BlobStore
internal import FilesystemBlobStore
internal import Logging
internal import MetadataStore
internal import OCI
internal import PeerRegistry
internal import QuotaGovernor
internal import RegistryServer
internal import Rules
internal import SQLiteMetadataStore
package import StoreContent
internal import UpstreamClient

extension ServiceConfiguration {
    /// What of the store peers may have: rules that ask their upstream as nobody, whose images are everybody's, and those
    /// that ``NodeConfiguration/Store`` names.
    package var sharedRepositories: SharedRepositories {
        let named = node.store?.rules ?? []
        let shared = rules.rules.map(\.name).filter { rule in
            guard let upstream = upstreams[rule] else { return false }
            return named.contains(rule)
                || upstream.accounts.isEmpty && upstream.governor.client.tls.certificateFile == nil
        }
        return SharedRepositories(rules: rules, shared: Set(shared))
    }
}

/// What `weir serve` shares of its store with its peers.
struct StoreSharing {
    let sharing: NodeSharing
    /// For the registry's own port.
    let side: PeerSide
    /// Where peers are to come to another port, or with certificates; else nil.
    let server: RegistryServer?

    /// - Parameter holder: what it says of rules counts at once.
    init(
        _ configuration: ServiceConfiguration, holder: ConfigurationHolder, content: StoreContent,
        _ telemetry: Telemetry
    ) throws(CommandFailure) {
        let node = configuration.node
        sharing = try NodeSharing(
            node, content: content,
            keeper: NodeController.Keeper(name: "store", directory: { configuration.storeDirectory }), telemetry)
        side = PeerSide(
            node: sharing.registry,
            mayFetch: node.store?.fetches == true ? Self.admission(node.filter, holder) : nil)
        let isSamePort = Set(node.server.listen).isSubset(of: configuration.server.listen) && node.server.tls == nil
        server =
            isSamePort
            ? nil
            : RegistryServer(
                configuration: node.server, node: sharing.registry, authorization: node.registry.authorization,
                localClients: node.localClients, usesSpegelNames: node.usesSpegelNames,
                pages: NodePages(controller: sharing.controller).probes, logger: telemetry.logger)
    }

    private static func admission(_ filter: RegistryFilter, _ holder: ConfigurationHolder) -> PeerSide.Admission {
        { registry, repository, tag in
            guard holder.configuration.sharedRepositories.key(repository, of: registry) != nil else { return false }
            guard let tag else { return filter.allows(registry, repository) }
            return filter.allows(registry, repository, tag)
        }
    }
}

/// A store that no service has open, for `weir node`.
struct ClosedStore: Sendable {
    private let blobs: FilesystemBlobStore
    private let metadata: SQLiteMetadataStore
    let content: StoreContent
    let directory: String

    /// - Throws: ``CommandFailure`` where it cannot be opened, or a service has it.
    init(_ configuration: ServiceConfiguration, logger: Logger) async throws(CommandFailure) {
        directory = configuration.storeDirectory
        do throws(BlobStoreError) {
            blobs = try await FilesystemBlobStore.open(directory: directory, logger: logger)
        } catch .inUse {
            throw CommandFailure(
                .failure, "a running service has the store \(directory); with 'node.store.enabled' it takes part itself"
            )
        } catch {
            throw CommandFailure(.failure, "the store \(directory) cannot be used: \(error)")
        }
        do throws(MetadataStoreError) {
            metadata = try await SQLiteMetadataStore.open(path: configuration.cataloguePath, logger: logger)
        } catch {
            await blobs.close()
            throw CommandFailure(.failure, "the catalogue \(configuration.cataloguePath) cannot be used: \(error)")
        }
        let repositories = configuration.sharedRepositories
        content = StoreContent(blobs: blobs, metadata: metadata, bell: ChangeBell()) { repositories }
    }

    func releaseMemory() { metadata.releaseMemory() }

    func close() async {
        try? await metadata.close()
        await blobs.close()
    }
}
