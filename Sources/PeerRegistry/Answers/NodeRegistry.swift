package import NIOCore
package import OCI
package import PeerGrants
package import PullThroughCache

/// What a node answers to containerd beside it and to its peers.
package protocol NodeRegistry: Sendable {
    func manifest(
        _ reference: ManifestReference, _ request: NodeRequest
    ) async throws(NodeRegistryError) -> NodeManifest

    func blob(_ digest: Digest, _ request: NodeRequest) async throws(NodeRegistryError) -> NodeBlob

    /// Whether it takes part: its content is followed, and peers are there.
    var isReady: Bool { get }
}

/// Who asks, and under which name.
package struct NodeRequest: Sendable, Hashable {
    package var registry: RegistryHost
    package var repository: RepositoryName
    package var isHead: Bool
    /// From a peer: answered from what is here, or not at all, so that requests cannot go round in circles.
    package var isMirrored: Bool
    /// What a peer shows for what is private.
    package var credential: PeerCredential?

    package init(
        registry: RegistryHost, repository: RepositoryName, isHead: Bool = false, isMirrored: Bool = false,
        credential: PeerCredential? = nil
    ) {
        self.registry = registry
        self.repository = repository
        self.isHead = isHead
        self.isMirrored = isMirrored
        self.credential = credential
    }
}

package struct NodeManifest: Sendable {
    package var digest: Digest
    package var mediaType: MediaType
    /// In bytes.
    package var size: Int64
    /// Nil where a HEAD was answered by somebody else.
    package var bytes: ByteBuffer?
    package var origin: NodeMetrics.Origin
}

package struct NodeBlob: Sendable {
    package var digest: Digest
    /// In bytes.
    package var size: Int64
    /// Nil for a HEAD.
    package var content: (any BlobContent)?
    package var origin: NodeMetrics.Origin
}

/// Why a node has no answer. Whatever it is, the client is told 404, so that it asks the next one in its list.
package enum NodeRegistryError: Error, Hashable, CustomStringConvertible {
    /// Neither here nor with anybody who was asked.
    case notFound
    /// The name takes no part.
    case hidden
    /// Something here does not work.
    case failed(String)

    package var description: String {
        switch self {
        case .notFound: "nobody here has it"
        case .hidden: "this registry, repository or tag takes no part"
        case .failed(let reason): reason
        }
    }
}
