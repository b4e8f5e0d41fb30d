package import OCI
package import Rules

/// Who asks, as far as accounting and permissions tell clients apart.
package struct Client: Sendable, Hashable {
    /// The peer's IP address, without port.
    package var address: String
    /// Whether this client may have answers confirmed by the upstream at will (`Cache-Control: no-cache`).
    package var mayRefresh: Bool

    package init(address: String, mayRefresh: Bool) {
        self.address = address
        self.mayRefresh = mayRefresh
    }
}

/// What is asked of a repository, after addressing has found it.
package struct ManifestRequest: Sendable {
    package var rule: Rule
    package var repository: RepositoryKey
    package var reference: ManifestReference
    /// HEAD: the answer needs no bytes, and causes no fill.
    package var isHead: Bool
    /// The client sent `Cache-Control: no-cache`; honoured if ``Client/mayRefresh``.
    package var requiresRevalidation: Bool
    package var client: Client

    package init(
        rule: Rule, repository: RepositoryKey, reference: ManifestReference, isHead: Bool = false,
        requiresRevalidation: Bool = false, client: Client
    ) {
        self.rule = rule
        self.repository = repository
        self.reference = reference
        self.isHead = isHead
        self.requiresRevalidation = requiresRevalidation
        self.client = client
    }
}

package struct BlobRequest: Sendable {
    package var rule: Rule
    package var repository: RepositoryKey
    package var digest: Digest
    /// HEAD: causes no fill.
    package var isHead: Bool
    package var client: Client

    package init(rule: Rule, repository: RepositoryKey, digest: Digest, isHead: Bool = false, client: Client) {
        self.rule = rule
        self.repository = repository
        self.digest = digest
        self.isHead = isHead
        self.client = client
    }
}

package struct TagsRequest: Sendable {
    package var rule: Rule
    package var repository: RepositoryKey
    /// Only tags after this one, in ASCII order.
    package var last: String?
    /// At most this many; nil: as many as the upstream lists on a page.
    package var limit: Int?

    package init(rule: Rule, repository: RepositoryKey, last: String?, limit: Int?) {
        self.rule = rule
        self.repository = repository
        self.last = last
        self.limit = limit
    }
}

package struct ReferrersRequest: Sendable {
    package var rule: Rule
    package var repository: RepositoryKey
    package var subject: Digest
    package var artifactType: String?

    package init(rule: Rule, repository: RepositoryKey, subject: Digest, artifactType: String?) {
        self.rule = rule
        self.repository = repository
        self.subject = subject
        self.artifactType = artifactType
    }
}
