internal import NIOHTTP1
package import OCI
package import Upstream

extension UpstreamClient: UpstreamRegistry {
    private static let manifestTypes = MediaType.manifests.map(\.description).joined(separator: ", ")

    package func resolve(
        _ reference: ManifestReference, in repository: RepositoryName
    ) async throws(UpstreamError) -> ResolvedManifest {
        do throws(UpstreamError) {
            return try await perform(manifestOperation(.HEAD, reference, repository)) { answer throws(Failure) in
                ResolvedManifest(
                    digest: Self.digest(answer), mediaType: Self.mediaType(answer), size: answer.contentLength)
            }
        } catch .unexpectedStatus(405) {
            // Only a GET tells.
            return ResolvedManifest(digest: nil, mediaType: nil, size: nil)
        }
    }

    package func manifest(
        _ reference: ManifestReference, in repository: RepositoryName, limitBytes: Int, for purpose: PullPurpose
    ) async throws(UpstreamError) -> ReceivedManifest {
        try await perform(manifestOperation(.GET, reference, repository)) { answer throws(Failure) in
            guard answer.status == 200 else { throw Failure(.unexpectedStatus(answer.status)) }
            return ReceivedManifest(
                bytes: try await answer.collect(limitBytes: limitBytes), mediaType: Self.mediaType(answer),
                digest: Self.digest(answer))
        }
    }

    private func manifestOperation(
        _ method: HTTPMethod, _ reference: ManifestReference, _ repository: RepositoryName
    ) -> Operation {
        Operation(
            method: method, path: "manifests/\(reference)", repository: repository,
            headers: ["Accept": Self.manifestTypes], hedged: method == .HEAD ? .manifestHead : nil)
    }

    private static func digest(_ answer: UpstreamAnswer) -> Digest? {
        answer.headers.first(name: "Docker-Content-Digest").flatMap { try? Digest($0) }
    }

    private static func mediaType(_ answer: UpstreamAnswer) -> MediaType? {
        answer.headers.first(name: "Content-Type").flatMap { MediaType($0) }
    }
}
