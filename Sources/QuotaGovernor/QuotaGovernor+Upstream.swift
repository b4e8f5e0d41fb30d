internal import HTTPSemantics
internal import NIOCore
package import OCI
internal import Quota
internal import Synchronization
internal import Timekeeping
package import Upstream
internal import UpstreamClient

extension QuotaGovernor: UpstreamRegistry {
    package var urgency: Double {
        let now = clock.now()
        return budgets.withLedger { $0.urgency(now: now) }
    }

    package func refusal(of purpose: PullPurpose) -> UpstreamError? { foreseenRefusal(of: QuotaPurpose(purpose)) }

    package func resolve(
        _ reference: ManifestReference, in repository: RepositoryName
    ) async throws(UpstreamError) -> ResolvedManifest {
        try await perform(.uncounted, repository) { client throws(UpstreamError) in
            try await client.resolve(reference, in: repository)
        }
    }

    package func manifest(
        _ reference: ManifestReference, in repository: RepositoryName, limitBytes: Int, for purpose: PullPurpose
    ) async throws(UpstreamError) -> ReceivedManifest {
        try await perform(QuotaPurpose(purpose), repository) { client throws(UpstreamError) in
            try await client.manifest(reference, in: repository, limitBytes: limitBytes, for: purpose)
        }
    }

    package func blobSize(_ digest: Digest, in repository: RepositoryName) async throws(UpstreamError) -> Int64? {
        try await perform(.uncounted, repository) { client throws(UpstreamError) in
            try await client.blobSize(digest, in: repository)
        }
    }

    package func blob(
        _ digest: Digest, in repository: RepositoryName, from offset: Int64, to end: Int64?
    ) async throws(UpstreamError) -> BlobTransfer {
        try await perform(.uncounted, repository) { client throws(UpstreamError) in
            try await client.blob(digest, in: repository, from: offset, to: end)
        }
    }

    package func tags(
        in repository: RepositoryName, after last: String?, limit: Int?
    ) async throws(UpstreamError) -> TagPage {
        try await perform(.uncounted, repository) { client throws(UpstreamError) in
            try await client.tags(in: repository, after: last, limit: limit)
        }
    }

    package func referrers(
        of subject: Digest, in repository: RepositoryName, artifactType: String?, limitBytes: Int
    ) async throws(UpstreamError) -> ReceivedReferrers {
        try await perform(.uncounted, repository) { client throws(UpstreamError) in
            try await client.referrers(
                of: subject, in: repository, artifactType: artifactType, limitBytes: limitBytes)
        }
    }
}

extension QuotaPurpose {
    package init(_ purpose: PullPurpose) {
        switch purpose {
        case .first: self = .firstPull
        case .update: self = .pull
        case .background: self = .background
        }
    }
}
