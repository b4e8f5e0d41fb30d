internal import Hummingbird
internal import MetadataStore
internal import NIOCore

extension ControlRoutes {
    /// References of ten thousand images, each as long as they get.
    private static let bodyLimitBytes = 12 << 20
    private static let watchInterval = Duration.milliseconds(100)
    /// Empty lines show whether anybody is still there.
    private static let heartbeatInterval = Duration.seconds(2)

    func addPulls(to router: Router<BasicRequestContext>) {
        let service = service
        router.get("/v1/spend") { request, _ in
            await Self.answer { () throws(ControlError) in try await service.spend(try Self.spendQuery(request)) }
        }
        router.post("/v1/plan") { request, _ in
            await Self.answer { () throws(ControlError) in
                try await service.plan(try await Self.body(request, as: PlanRequest.self))
            }
        }
        router.post("/v1/rules/validate") { request, _ in
            let parameters = request.uri.queryParameters
            return await Self.answer { () throws(ControlError) in
                try await service.validate(
                    rule: parameters["rule"].map { String($0) }, image: parameters["image"].map { String($0) })
            }
        }
        router.post("/v1/warm") { request, _ in
            let wanted: WarmRequest
            do throws(ControlError) {
                wanted = try await Self.body(request, as: WarmRequest.self)
                try service.check(wanted)
            } catch {
                return Self.refusal(error)
            }
            return Self.watched(wanted, service)
        }
    }

    private static func spendQuery(_ request: Request) throws(ControlError) -> SpendQuery {
        let parameters = request.uri.queryParameters
        let names = SpendGrouping.allCases.map(\.rawValue)
        guard let grouping = SpendGrouping(rawValue: parameters["by"].map { String($0) } ?? "client") else {
            throw ControlError(.badRequest, "the query parameter 'by' is one of \(names.joined(separator: ", "))")
        }
        guard let seconds = Int64(parameters["since"] ?? "86400"), (1...3_153_600_000).contains(seconds) else {
            throw ControlError(.badRequest, "the query parameter 'since' is a number of seconds")
        }
        guard let limit = Int(parameters["limit"] ?? "100"), (1...SpendQuery.rowLimitMax).contains(limit) else {
            throw ControlError(
                .badRequest, "the query parameter 'limit' is a number from 1 to \(SpendQuery.rowLimitMax)")
        }
        return SpendQuery(grouping: grouping, since: .seconds(seconds), rowLimit: limit)
    }

    private static func body<Document: Decodable>(
        _ request: Request, as type: Document.Type
    ) async throws(ControlError) -> Document {
        do {
            let bytes = try await request.body.collect(upTo: bodyLimitBytes)
            return try ControlJSON.decode(type, from: Array(bytes.readableBytesView))
        } catch {
            throw ControlError(.badRequest, "the request's body is not what belongs here, or too large")
        }
    }

    /// Does what is wanted for as long as somebody listens, and tells of it line by line.
    private static func watched(_ request: WarmRequest, _ service: any ControlledService) -> Response {
        let body = ResponseBody { writer in
            let board = WarmBoard(request)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await service.warm(request, on: board)
                    board.finish()
                }
                var silence = Duration.zero
                while true {
                    let (changed, isFinished) = board.take()
                    silence += watchInterval
                    if !changed.isEmpty || silence >= heartbeatInterval {
                        silence = .zero
                        try await writer.write(ByteBuffer(string: try lines(changed)))
                    }
                    if isFinished { break }
                    try await Task.sleep(for: watchInterval)
                }
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/x-ndjson"], body: body)
    }

    private static func lines(_ documents: [WarmDocument]) throws -> String {
        if documents.isEmpty { return "\n" }
        return try documents.map { try ControlJSON.encode($0) + "\n" }.joined()
    }
}
