internal import AdmissionWebhook
internal import Credentials
internal import NIOCore
internal import OCI
internal import PullThroughCache
internal import Rules
internal import Upstream

/// Asks Weir's own service for what is to be pulled from Weir, within the process; everything else goes to `others`.
struct CacheProbe: ImageProbe {
    let content: any ContentSource
    let rules: @Sendable () -> RuleTable
    /// Weir, as nodes name it.
    let address: @Sendable () -> RegistryHost?
    let others: any ImageProbe

    func probe(
        _ image: ImageReference, needsContent: Bool, credentials: AccountCredentials?
    ) async throws(ImageProbeError) -> ProbedManifest? {
        guard let address = address(), image.registry == address else {
            return try await others.probe(image, needsContent: needsContent, credentials: credentials)
        }
        let found: (rule: Rule, repository: RepositoryKey)
        do throws(AddressingError) {
            found = try rules().resolve(
                image.repository.description, namespace: nil, authority: address.description)
        } catch {
            return nil
        }
        let request = ManifestRequest(
            rule: found.rule, repository: found.repository, reference: image.reference, isHead: !needsContent,
            client: Client(address: "127.0.0.1", mayRefresh: false))
        do throws(CacheError) {
            let answer = try await content.manifest(request)
            return ProbedManifest(
                mediaType: answer.mediaType, bytes: answer.bytes.map { Array($0.readableBytesView) })
        } catch {
            switch error {
            case .manifestUnknown, .nameUnknown, .ruleUnknown, .blobUnknown, .upstream(.notFound): return nil
            case .manifestInvalid, .upstream(.unauthorized), .digestMismatch, .sizeMismatch:
                throw .refused(reason: error.description)
            default: throw .unavailable(reason: error.description)
            }
        }
    }
}
