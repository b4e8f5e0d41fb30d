internal import OCI
internal import Rules

/// A manifest or blob within a repository.
struct ContentKey: Sendable, Hashable {
    let repository: RepositoryKey
    let digest: Digest
}

struct TagKey: Sendable, Hashable {
    let repository: RepositoryKey
    let tag: Tag
}

struct ReferenceKey: Sendable, Hashable {
    let repository: RepositoryKey
    let reference: ManifestReference
}
