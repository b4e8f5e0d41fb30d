import OCI
import Synchronization
import Upstream

/// An upstream whose budget is in the test's hands: it refuses purposes before anything is asked, and notes for what
/// manifests were fetched.
final class BudgetedUpstream: UpstreamRegistry {
    private struct State {
        var upstream: (any UpstreamRegistry)?
        var refused: Set<PullPurpose> = []
        var purposes: [PullPurpose] = []
    }

    private let state = Mutex(State())

    /// Stands in front of `upstream` from now on.
    func wrapping(_ upstream: any UpstreamRegistry) -> any UpstreamRegistry {
        state.withLock { $0.upstream = upstream }
        return self
    }

    func refuse(_ purposes: Set<PullPurpose>) { state.withLock { $0.refused = purposes } }

    /// For what manifests were fetched since this was asked last, refused ones too.
    func takePurposes() -> [PullPurpose] {
        state.withLock { state in
            defer { state.purposes = [] }
            return state.purposes
        }
    }

    private func upstream() throws(UpstreamError) -> any UpstreamRegistry {
        guard let upstream = state.withLock({ $0.upstream }) else { throw .unreachable(reason: "nothing is wrapped") }
        return upstream
    }

    func refusal(of purpose: PullPurpose) -> UpstreamError? {
        guard state.withLock({ $0.refused.contains(purpose) }) else { return nil }
        return .budgetSpent(.init(reason: .reserved, until: nil, retryAfter: nil, leadsToUpstream: false))
    }

    func resolve(
        _ reference: ManifestReference, in repository: RepositoryName
    ) async throws(UpstreamError) -> ResolvedManifest { try await upstream().resolve(reference, in: repository) }

    func manifest(
        _ reference: ManifestReference, in repository: RepositoryName, limitBytes: Int, for purpose: PullPurpose
    ) async throws(UpstreamError) -> ReceivedManifest {
        state.withLock { $0.purposes.append(purpose) }
        if let refusal = refusal(of: purpose) { throw refusal }
        return try await upstream().manifest(reference, in: repository, limitBytes: limitBytes, for: purpose)
    }

    func blobSize(_ digest: Digest, in repository: RepositoryName) async throws(UpstreamError) -> Int64? {
        try await upstream().blobSize(digest, in: repository)
    }

    func blob(
        _ digest: Digest, in repository: RepositoryName, from offset: Int64, to end: Int64?
    ) async throws(UpstreamError) -> BlobTransfer {
        try await upstream().blob(digest, in: repository, from: offset, to: end)
    }

    func tags(in repository: RepositoryName, after last: String?, limit: Int?) async throws(UpstreamError) -> TagPage {
        try await upstream().tags(in: repository, after: last, limit: limit)
    }

    func referrers(
        of subject: Digest, in repository: RepositoryName, artifactType: String?, limitBytes: Int
    ) async throws(UpstreamError) -> ReceivedReferrers {
        try await upstream().referrers(
            of: subject, in: repository, artifactType: artifactType, limitBytes: limitBytes)
    }
}
