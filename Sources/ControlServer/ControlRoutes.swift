internal import Hummingbird
internal import NIOCore

/// The control server's paths. Everything under `/v1` speaks JSON.
struct ControlRoutes: Sendable {
    let service: any ControlledService

    func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.add(
            middleware: UnknownRoutes { path in
                guard path.hasPrefix("/v1/node/") else { return nil }
                return
                    "this is the socket of weir serve; use 'weir status', or name the socket of the node with --socket"
            })
        addOperations(to: router)
        addPulls(to: router)
        let service = service
        router.get("/v1/status") { _, _ in
            await Self.answer { () throws(ControlError) in try await service.status() }
        }
        router.get("/v1/explain") { request, _ in
            await Self.answer { () throws(ControlError) in try await service.explain(try Self.reference(request)) }
        }
        router.post("/v1/refresh") { request, _ in
            await Self.answer { () throws(ControlError) in try await service.refresh(try Self.reference(request)) }
        }
        router.get("/v1/pins") { _, _ in
            await Self.answer { () throws(ControlError) in try await service.pins() }
        }
        router.put("/v1/pins") { request, _ in
            await Self.answer { () throws(ControlError) in
                try await service.setPin(true, on: try Self.reference(request))
            }
        }
        router.delete("/v1/pins") { request, _ in
            await Self.answer { () throws(ControlError) in
                try await service.setPin(false, on: try Self.reference(request))
            }
        }
        router.get("/v1/cluster") { _, _ in
            await Self.answer { () throws(ControlError) in try await service.cluster() }
        }
        router.post("/v1/evict") { request, _ in
            await Self.answer { () throws(ControlError) in
                try await service.evict(try Self.reference(request), isDryRun: try Self.isDryRun(request))
            }
        }
        router.post("/v1/gc") { request, _ in
            await Self.answer { () throws(ControlError) in
                try await service.collect(isDryRun: try Self.isDryRun(request))
            }
        }
        router.get("/v1/quota") { _, _ in
            await Self.answer { () throws(ControlError) in try await service.quota() }
        }
        router.post("/v1/quota/probe") { request, _ in
            await Self.answer { () throws(ControlError) in try await service.probeQuota(of: try Self.rule(request)) }
        }
        router.post("/v1/reload") { _, _ in
            await Self.answer { () throws(ControlError) in try await service.reload() }
        }
        return router
    }

    private func addOperations(to router: Router<BasicRequestContext>) {
        let service = service
        router.get("/healthz") { _, _ in Self.text("ok\n") }
        router.get("/readyz") { _, _ in
            guard let reason = await service.unreadiness() else { return Self.text("ok\n") }
            return Self.text("\(reason)\n", status: .serviceUnavailable)
        }
        router.get("/metrics") { _, _ in
            Self.text(await service.metrics(), contentType: "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    // MARK: Requests

    static func reference(_ request: Request) throws(ControlError) -> String {
        guard let reference = request.uri.queryParameters["reference"], !reference.isEmpty else {
            throw ControlError(.badRequest, "a reference is wanted, such as docker.io/library/nginx:1.27 ('reference')")
        }
        return String(reference)
    }

    private static func rule(_ request: Request) throws(ControlError) -> String {
        guard let rule = request.uri.queryParameters["rule"], !rule.isEmpty else {
            throw ControlError(.badRequest, "the query parameter 'rule' is missing")
        }
        return String(rule)
    }

    private static func isDryRun(_ request: Request) throws(ControlError) -> Bool {
        switch request.uri.queryParameters["dryRun"] {
        case nil, "false": return false
        case "true": return true
        default: throw ControlError(.badRequest, "the query parameter 'dryRun' is true or false")
        }
    }

    // MARK: Answers

    static func answer<Document: Encodable>(
        _ make: () async throws(ControlError) -> Document
    ) async -> Response {
        do throws(ControlError) {
            return json(try await make(), status: .ok)
        } catch {
            return refusal(error)
        }
    }

    static func refusal(_ error: ControlError) -> Response {
        json(ErrorDocument(error), status: status(for: error.kind))
    }

    private static func status(for kind: ControlError.Kind) -> HTTPResponse.Status {
        switch kind {
        case .badRequest: .badRequest
        case .notFound: .notFound
        case .upstream: .badGateway
        case .invalidConfiguration: .unprocessableContent
        case .failed: .internalServerError
        }
    }

    fileprivate static func json(_ document: some Encodable, status: HTTPResponse.Status) -> Response {
        guard let text = try? ControlJSON.encode(document) else {
            return Self.text("the answer cannot be written as JSON\n", status: .internalServerError)
        }
        return Self.text(text, status: status, contentType: "application/json")
    }

    static func text(
        _ text: String, status: HTTPResponse.Status = .ok, contentType: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

/// Puts the control server's own error document in place of the library's where no route answers.
struct UnknownRoutes: RouterMiddleware {
    typealias Context = BasicRequestContext

    /// Says what is wrong with a path in words, where its user most likely wanted another socket.
    let explanation: @Sendable (_ path: String) -> String?

    @concurrent func handle(
        _ request: Request, context: BasicRequestContext,
        next: @concurrent (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError {
            let kind: ControlError.Kind = error.status == .notFound ? .notFound : .badRequest
            let message =
                explanation(request.uri.path) ?? "no such path or method: \(request.method) \(request.uri.path)"
            return ControlRoutes.json(ErrorDocument(ControlError(kind, message)), status: error.status)
        }
    }
}
