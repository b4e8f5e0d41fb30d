internal import BlobStore
internal import MetadataStore
internal import OCI
internal import Upstream

extension CacheError {
    /// Whatever went wrong below, in the cache's own words.
    init(_ error: any Error) {
        switch error {
        case let error as CacheError: self = error
        case is CancellationError, UpstreamError.cancelled: self = .cancelled
        case let error as UpstreamError: self = .upstream(error)
        case let error as ManifestError: self = .manifestInvalid(error)
        case BlobStoreError.digestMismatch(let expected, let actual):
            self = .digestMismatch(expected: expected, actual: actual)
        case BlobStoreError.sizeMismatch(let expected, let actual):
            self = .sizeMismatch(expected: expected, actual: actual)
        case let error as BlobStoreError: self = .storage(error.description)
        case let error as MetadataStoreError: self = .storage(error.description)
        default: self = .storage("an unexpected failure")
        }
    }
}
