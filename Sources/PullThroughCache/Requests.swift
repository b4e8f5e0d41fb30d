package import MetadataStore
package import OCI
package import Rules

/// Who asks, as far as accounting and permissions tell clients apart.
package struct Client: Sendable, Hashable {
    /// The peer's IP address, without port.
    package var address: String
    /// Whether this client may have answers confirmed by the upstream at will (`Cache-Control: no-cache`).
    package var mayRefresh: Bool
    /// The user or namespace that it is known as, for the books of spent pulls. It grants nothing.
    package var name: String?
    /// What Weir does here on its own account; nil for clients.
    package var work: Spender.Work?

    package init(address: String, mayRefresh: Bool, name: String? = nil) {
        self.address = address
        self.mayRefresh = mayRefresh
        self.name = name
    }

    private init(_ work: Spender.Work, mayRefresh: Bool) {
        self.init(address: "", mayRefresh: mayRefresh)
        self.work = work
    }

    /// Weir itself.
    package static func weir(_ work: Spender.Work) -> Client { Client(work, mayRefresh: work == .refresh) }

    /// On whom the pulls that it causes are booked.
    var spender: Spender { work.map { .weir($0) } ?? .client(address: address, user: name) }
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
    package var client: Client

    package init(
        rule: Rule, repository: RepositoryKey, subject: Digest, artifactType: String?,
        client: Client = Client(address: "", mayRefresh: false)
    ) {
        self.rule = rule
        self.repository = repository
        self.subject = subject
        self.artifactType = artifactType
        self.client = client
    }
}
