internal import HTTPSemantics
internal import Listening
internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import PeerGrants
internal import PullThroughCache
internal import Rules

/// Finds the answer to a request: which endpoint, which rule and repository, and what the cache says.
struct Dispatcher: RequestDispatching {
    let content: any ContentSource
    let rules: @Sendable () -> RuleTable
    let operations: [String: @Sendable () async -> OperationalAnswer]
    let grants: GrantPage?
    let cacheName: String
    let targetLimitBytes: Int

    /// - Returns: what the request is counted as, and its answer.
    func dispatch(_ request: Request) -> (kind: RequestKind, outcome: DispatchOutcome) {
        let target: RequestTarget
        do {
            target = try RequestTarget(request.target, limitBytes: targetLimitBytes)
        } catch {
            let status =
                switch error {
                case .tooLong: 414
                case .malformed: 400
                }
            return (.other, .now(Answer(status: status, RegistryError(.nameInvalid, error.description))))
        }
        let route = Route(path: target.path)
        guard request.method != .other else {
            let isRegistryPath = if case .operation = route { false } else { true }
            return (route.kind, .now(.methodNotAllowed(isRegistryPath: isRegistryPath)))
        }
        do {
            return (route.kind, try outcome(of: route, target: target, request: request))
        } catch {
            return (route.kind, .now(error.answer))
        }
    }

    private func outcome(
        of route: Route, target: RequestTarget, request: Request
    ) throws(RequestRefusal) -> DispatchOutcome {
        switch route {
        case .base: return .now(.base)
        case .unknown: return .now(.noEndpoint)
        case .operation(GrantAnswer.path):
            guard let grants else { return .now(.noEndpoint) }
            return .later { grants.answer(request) }
        case .operation(let path): return operation(path)
        case .manifest(let name, let reference):
            return try manifest(name, reference, target: target, request: request)
        case .blob(let name, let digest): return try blob(name, digest, target: target, request: request)
        case .tags(let name): return try tags(name, target: target, request: request)
        case .referrers(let name, let digest): return try referrers(name, digest, target: target, request: request)
        case .catalog: return try catalog(target: target)
        }
    }

    private func operation(_ path: String) -> DispatchOutcome {
        guard let operation = operations[path] else {
            return .now(
                path == "/" ? Answer(contentType: "text/plain; charset=utf-8", text: Self.introduction) : .noEndpoint)
        }
        return .later {
            let answer = await operation()
            return Answer(
                status: HTTPResponseStatus(statusCode: answer.status), contentType: answer.contentType,
                text: answer.body)
        }
    }

    private static let introduction = "Weir, a pull-through cache for container images. The registry is at /v2/.\n"

    // MARK: Content

    private func manifest(
        _ name: String, _ reference: String, target: RequestTarget, request: Request
    ) throws(RequestRefusal) -> DispatchOutcome {
        let (rule, repository) = try resolve(name, target: target, request: request)
        let parsed: ManifestReference
        do {
            parsed = try ManifestReference(reference)
        } catch {
            switch error {
            case .digest(let error): throw RequestRefusal(400, .digestInvalid, error.description)
            // What can be no tag is the name of no manifest: the specification's conformance tests ask for 404.
            default: throw RequestRefusal(404, .manifestUnknown, error.description)
            }
        }
        let question = ManifestRequest(
            rule: rule, repository: repository, reference: parsed, isHead: request.isHead,
            requiresRevalidation: request.requiresRevalidation, client: request.client)
        if let answer = content.manifestInMemory(question) {
            return .now(Answer(answer, request: request, cacheName: cacheName))
        }
        return .later { [content, cacheName] in
            do throws(CacheError) {
                return Answer(try await content.manifest(question), request: request, cacheName: cacheName)
            } catch {
                return Answer(error, kind: .manifest, rule: rule.name)
            }
        }
    }

    private func blob(
        _ name: String, _ digest: String, target: RequestTarget, request: Request
    ) throws(RequestRefusal) -> DispatchOutcome {
        let (rule, repository) = try resolve(name, target: target, request: request)
        let parsed = try parse(digest)
        // A client that has the blob already needs no fill to be told so.
        let isKnownToClient = request.fields.ifNoneMatch.map {
            IfNoneMatch($0).matches(EntityTag(parsed.description))
        }
        let question = BlobRequest(
            rule: rule, repository: repository, digest: parsed, isHead: request.isHead || isKnownToClient == true,
            client: request.client)
        if let answer = content.blobInMemory(question) {
            return .now(Answer(answer, request: request, cacheName: cacheName))
        }
        return .later { [content, cacheName] in
            do throws(CacheError) {
                return Answer(try await content.blob(question), request: request, cacheName: cacheName)
            } catch {
                return Answer(error, kind: .blob, rule: rule.name)
            }
        }
    }

    // MARK: Listings

    private func tags(
        _ name: String, target: RequestTarget, request: Request
    ) throws(RequestRefusal) -> DispatchOutcome {
        let (rule, repository) = try resolve(name, target: target, request: request)
        let page = try pagination(target)
        let namespace = try namespace(target)
        // OCI Distribution 1.1: none are an empty list, and no link.
        if page.limit == 0 { return .now(Answer(tags: [], name: name, next: nil)) }
        let question = TagsRequest(rule: rule, repository: repository, last: page.last, limit: page.limit)
        return .later { [content, cacheName] in
            do throws(CacheError) {
                let list = try await content.tags(question)
                let next = list.hasMore ? list.tags.last : nil
                var answer = Answer(
                    tags: list.tags, name: name,
                    next: next.map {
                        Pagination.next(
                            path: "/v2/\(name)/tags/list", limit: page.limit, last: $0.description,
                            namespace: namespace)
                    })
                answer.add(list.status, cache: cacheName)
                return answer
            } catch {
                return Answer(error, kind: .tags, rule: rule.name)
            }
        }
    }

    private func referrers(
        _ name: String, _ digest: String, target: RequestTarget, request: Request
    ) throws(RequestRefusal) -> DispatchOutcome {
        let (rule, repository) = try resolve(name, target: target, request: request)
        let subject = try parse(digest)
        let artifactType: String?
        do throws(RequestQueryError) {
            artifactType = try target.query.value(of: "artifactType")
        } catch {
            throw RequestRefusal(400, .unsupported, error.description)
        }
        if let artifactType, artifactType.utf8.count > 255 {
            throw RequestRefusal(400, .unsupported, "an artifact type has 255 characters at most")
        }
        let question = ReferrersRequest(
            rule: rule, repository: repository, subject: subject,
            artifactType: artifactType.flatMap { $0.isEmpty ? nil : $0 }, client: request.client)
        return .later { [content, cacheName] in
            do throws(CacheError) {
                return Answer(try await content.referrers(question), request: request, cacheName: cacheName)
            } catch {
                return Answer(error, kind: .referrers, rule: rule.name)
            }
        }
    }

    private func catalog(target: RequestTarget) throws(RequestRefusal) -> DispatchOutcome {
        let page = try pagination(target)
        let table = rules()
        let start: RepositoryKey?
        do throws(AddressingError) {
            start = try page.last.map { last throws(AddressingError) in
                try table.resolve(last, namespace: nil, authority: nil).repository
            }
        } catch {
            throw RequestRefusal(400, .nameInvalid, "'last' names no repository: \(error.description)")
        }
        let listing = CatalogListing(content: content, rules: table, limit: page.limit)
        return .later {
            do throws(CacheError) {
                return try await listing.page(after: start)
            } catch {
                return Answer(error, kind: .catalog, rule: nil)
            }
        }
    }

    // MARK: Parsing

    private func resolve(
        _ name: String, target: RequestTarget, request: Request
    ) throws(RequestRefusal) -> (rule: Rule, repository: RepositoryKey) {
        let namespace = try namespace(target)
        do throws(AddressingError) {
            return try rules().resolve(
                name, namespace: namespace, authority: target.authority ?? request.fields.host)
        } catch {
            throw RequestRefusal(answer: Answer(ErrorMapping(error)))
        }
    }

    private func namespace(_ target: RequestTarget) throws(RequestRefusal) -> String? {
        do throws(RequestQueryError) {
            return try target.query.value(of: "ns")
        } catch {
            throw RequestRefusal(400, .nameInvalid, error.description)
        }
    }

    private func pagination(_ target: RequestTarget) throws(RequestRefusal) -> Pagination {
        do throws(RegistryError) {
            return try Pagination(target.query)
        } catch {
            throw RequestRefusal(answer: Answer(status: 400, error))
        }
    }

    private func parse(_ digest: String) throws(RequestRefusal) -> Digest {
        do throws(DigestError) {
            return try Digest(digest)
        } catch {
            throw RequestRefusal(400, .digestInvalid, error.description)
        }
    }
}

/// A request that is answered with an error before the cache is asked.
struct RequestRefusal: Error {
    let answer: Answer

    init(answer: Answer) { self.answer = answer }

    init(_ status: Int, _ code: ErrorCode, _ message: String) {
        answer = Answer(status: status, RegistryError(code, message))
    }
}
