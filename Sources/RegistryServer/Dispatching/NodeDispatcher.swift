internal import HTTPSemantics
internal import Listening
internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import PeerGrants
internal import PeerRegistry
internal import PullThroughCache

/// Finds the answer to a request at a node that shares its images: Spegel's routes, fields and statuses.
///
/// Whatever is not here, not known or not allowed is 404: containerd asks the next in its list then, and peers the next
/// peer. 429 and 401 with a challenge would have them come back.
struct NodeDispatcher: RequestDispatching {
    let node: (any NodeRegistry)?
    let authorization: String?
    let pages: [String: @Sendable (PageQuery) async -> OperationalAnswer]
    let targetLimitBytes: Int
    /// Who is asked for no grant, and whose requests are passed on to others; nil for everybody.
    var localClients: [AddressBlock]?

    func dispatch(_ request: Request) -> (kind: RequestKind, outcome: DispatchOutcome) {
        guard let target = try? RequestTarget(request.target, limitBytes: targetLimitBytes) else {
            return (.other, .now(.nothingHere))
        }
        let route = Route(path: target.path)
        guard request.method != .other else { return (route.kind, .now(.methodNotAllowed(isRegistryPath: true))) }
        if case .operation(let path) = route { return (.operation, page(path, target.query)) }
        guard let node else { return (route.kind, .now(.nothingHere)) }
        if let authorization, !isSame(authorization, request.fields.authorization ?? "") {
            return (route.kind, .now(Answer(status: 401, RegistryError(.unauthorized, "wrong user or password"))))
        }
        switch route {
        case .base:
            return (.base, .now(Answer(status: .ok, contentType: nil, length: 0, body: .none)))
        case .manifest(let name, let text):
            guard let reference = try? ManifestReference(text), let question = question(name, target, request) else {
                return (.manifest, .now(.nothingHere))
            }
            return (.manifest, manifest(reference, question, node: node))
        case .blob(let name, let text):
            guard let digest = try? Digest(text), let question = question(name, target, request) else {
                return (.blob, .now(.nothingHere))
            }
            return (.blob, blob(digest, question, request, node: node))
        case .tags, .referrers, .catalog, .unknown, .operation: return (route.kind, .now(.nothingHere))
        }
    }

    private func page(_ path: String, _ query: RequestQuery) -> DispatchOutcome {
        guard let page = pages[path] else { return .now(.nothingHere) }
        return .later {
            let answer = await page(PageQuery(query))
            return Answer(
                status: HTTPResponseStatus(statusCode: answer.status), contentType: answer.contentType,
                text: answer.body)
        }
    }

    /// Nil where it cannot be known which registry's repository is meant.
    private func question(_ name: String, _ target: RequestTarget, _ request: Request) -> NodeRequest? {
        guard let namespace = try? target.query.value(of: "ns"), let registry = try? RegistryHost(namespace),
            let repository = try? RepositoryName(name)
        else { return nil }
        return NodeRequest(
            registry: registry, repository: repository, isHead: request.isHead,
            isMirrored: request.fields.isMirrored || !isLocal(request.client),
            credential: credential(of: request))
    }

    /// Whoever is not beside the node is a peer, whether it says so or not: else leaving out a field would do.
    private func isLocal(_ client: Client) -> Bool {
        guard let localClients else { return true }
        guard let address = NetworkAddress(client.address) else { return false }
        return localClients.contains { $0.contains(address) }
    }

    private func credential(of request: Request) -> PeerCredential? {
        guard let grant = request.fields.grant, let proof = request.fields.proof else { return nil }
        return PeerCredential(
            grant: grant, proof: proof, method: request.method.name, target: request.target)
    }

    private func manifest(
        _ reference: ManifestReference, _ question: NodeRequest, node: any NodeRegistry
    ) -> DispatchOutcome {
        .later {
            do throws(NodeRegistryError) {
                return Answer(try await node.manifest(reference, question), question)
            } catch {
                return Answer(error, .manifestUnknown)
            }
        }
    }

    private func blob(
        _ digest: Digest, _ question: NodeRequest, _ request: Request, node: any NodeRegistry
    ) -> DispatchOutcome {
        .later {
            do throws(NodeRegistryError) {
                return Answer(try await node.blob(digest, question), question, request)
            } catch {
                return Answer(error, .blobUnknown)
            }
        }
    }

    /// Takes the same time whatever the difference.
    private func isSame(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        var difference = UInt8(left.count == right.count ? 0 : 1)
        for (index, byte) in left.enumerated() { difference |= byte ^ (index < right.count ? right[index] : 0) }
        return difference == 0
    }
}

/// The query of a request for a page.
package struct PageQuery: Sendable {
    private let query: RequestQuery

    init(_ query: RequestQuery) { self.query = query }

    /// Nil where it is missing, malformed or given twice.
    package subscript(name: String) -> String? { (try? query.value(of: name)) ?? nil }
}

extension Answer {
    /// As Spegel has it: no words.
    fileprivate static let nothingHere = Answer(status: .notFound, contentType: nil, length: 0, body: .none)

    fileprivate init(_ error: NodeRegistryError, _ code: ErrorCode) {
        switch error {
        case .hidden: self = .nothingHere
        case .notFound: self.init(status: 404, RegistryError(code, error.description))
        case .failed:
            self.init(status: 404, RegistryError(code, "it cannot be read here"))
            internalReason = error.description
        }
    }

    fileprivate init(_ manifest: NodeManifest, _ question: NodeRequest) {
        self.init(
            status: .ok, contentType: manifest.mediaType.description, length: manifest.size,
            body: question.isHead ? .none : manifest.bytes.map { .bytes($0) } ?? .none)
        addIdentity(manifest.digest, question, origin: manifest.origin)
    }

    fileprivate init(_ blob: NodeBlob, _ question: NodeRequest, _ request: Request) {
        let decision =
            question.isHead
            ? RangeDecision.whole
            : RangeDecision(
                range: request.fields.range, ifRange: request.fields.ifRange,
                tag: EntityTag(blob.digest.description), size: blob.size)
        let range: Range<Int64>
        switch decision {
        case .unsatisfiable:
            self.init(status: 416, RegistryError(.rangeInvalid, "the range is outside of the blob"))
            add(name: "Content-Range", value: ContentRange(range: nil, size: blob.size).description)
            return
        case .whole: range = 0..<blob.size
        case .partial(let part): range = part
        }
        let body: Body = blob.content.flatMap { range.isEmpty ? nil : .content($0, range) } ?? .none
        self.init(
            status: decision == .whole ? .ok : .partialContent, contentType: MediaType.octetStream.description,
            length: Int64(range.count), body: body)
        if decision != .whole {
            add(name: "Content-Range", value: ContentRange(range: range, size: blob.size).description)
        }
        add(name: "Accept-Ranges", value: "bytes")
        addIdentity(blob.digest, question, origin: blob.origin)
    }

    private mutating func addIdentity(_ digest: Digest, _ question: NodeRequest, origin: NodeMetrics.Origin) {
        add(name: "Docker-Content-Digest", value: digest.description)
        add(name: "OCI-Namespace", value: question.registry.description)
        cacheStatus = origin.rawValue
    }
}
