/// What the control server can be asked to do: the running service, or what a test puts in its place.
///
/// References are as a user writes them: `nginx`, `ghcr.io/a/b:1`, `dockerhub/library/nginx`.
package protocol ControlledService: PullManagement {
    func status() async throws(ControlError) -> StatusDocument
    func explain(_ reference: String) async throws(ControlError) -> ExplanationDocument
    /// Has the upstream confirm the reference now, whatever its freshness.
    func refresh(_ reference: String) async throws(ControlError) -> RefreshDocument
    func pins() async throws(ControlError) -> [PinDocument]
    func setPin(_ isPinned: Bool, on reference: String) async throws(ControlError) -> PinDocument
    /// - Throws: a ``ControlError`` of kind `notFound` where it is not cached.
    func evict(_ reference: String, isDryRun: Bool) async throws(ControlError) -> CollectionDocument
    func collect(isDryRun: Bool) async throws(ControlError) -> CollectionDocument
    /// Reads the configuration again. A configuration with errors changes nothing.
    func reload() async throws(ControlError) -> ReloadDocument
    /// The images that a cluster's pods use, and whether each could be pulled with every upstream gone.
    func cluster() async throws(ControlError) -> ClusterDocument
    /// What is known of every rule's pull limits.
    func quota() async throws(ControlError) -> QuotaDocument
    /// Has the upstream tell what is left, without pulling anything.
    func probeQuota(of rule: String) async throws(ControlError) -> QuotaProbeDocument
    /// Prometheus text format.
    func metrics() async -> String
    /// Nil when the service can answer; else why not, in words.
    func unreadiness() async -> String?
}

extension ControlledService {
    package func cluster() async throws(ControlError) -> ClusterDocument {
        throw ControlError(
            .notFound, "this service follows no cluster; add 'kubernetes: {}' to its configuration to have it do so")
    }
}

/// Why a request to the control server failed. Its message is for the operator, and holds no secret.
package struct ControlError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: String, Sendable, Codable, CaseIterable {
        /// The request itself: a malformed reference, an unknown registry.
        case badRequest
        case notFound
        /// The upstream failed or refused.
        case upstream
        /// The configuration that was to be loaded has errors.
        case invalidConfiguration
        /// Anything of Weir's own.
        case failed
    }

    package var kind: Kind
    package var message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }
}
