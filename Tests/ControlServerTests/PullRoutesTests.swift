import AsyncHTTPClient
import ControlServer
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

extension ControlServerTests {
    private func post(_ socket: String, _ path: String, _ body: String) async throws -> HTTPClientResponse {
        let host = socket.replacing("/", with: "%2F")
        var request = HTTPClientRequest(url: "http+unix://\(host)\(path)")
        request.method = .POST
        request.body = .bytes(ByteBuffer(string: body))
        return try await HTTPClient.shared.execute(request, timeout: .seconds(20))
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            ("by=client", 200, "spend client 86400 100"), ("by=tag&since=60&limit=1", 200, "spend tag 60 1"),
            ("by=nobody", 400, ""), ("since=0", 400, ""), ("since=-5", 400, ""), ("since=x", 400, ""),
            ("limit=0", 400, ""), ("limit=10001", 400, ""),
        ])
    func `the books are asked for by what, since when and how many`(
        _ query: String, _ status: Int, _ call: String
    ) async throws {
        try await withServer { socket, service in
            let (code, _, body) = try await exchange(socket, "GET", "/v1/spend?\(query)")
            #expect(code == status, "\(body)")
            #expect(service.calls.withLock { $0 } == (call.isEmpty ? [] : [call]))
            guard status == 200 else { return }
            let document = try ControlJSON.decode(SpendDocument.self, from: Array(body.utf8))
            #expect(document.pulls == 7 && document.refused == 1 && document.until == 7_200_000)
            #expect(document.isCut == (call.hasSuffix(" 1")))
            #expect(document.rows.first?.client == "192.0.2.1")
            #expect(document.rows.first?.name == "ci")
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a plan is asked for with a body`() async throws {
        try await withServer { socket, service in
            let body = #"{"references":["a","b"],"platforms":["linux/arm64"],"asksUpstream":true}"#
            let answer = try await post(socket, "/v1/plan", body)
            let bytes = try await answer.body.collect(upTo: 1 << 20)
            let document = try ControlJSON.decode(PlanDocument.self, from: Array(bytes.readableBytesView))
            #expect(document.images.map(\.reference) == ["a", "b"])
            #expect(document.isPossible)
            #expect(service.calls.withLock { $0 } == [#"plan ["a", "b"] ["linux/arm64"] true"#])
            for nonsense in ["", "[]", "{}", "{\"references\":1}"] {
                #expect(try await post(socket, "/v1/plan", nonsense).status == .badRequest)
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a warming is told of line by line`() async throws {
        try await withServer { socket, _ in
            let body = #"{"references":["a","b"],"platforms":[],"concurrency":2}"#
            let answer = try await post(socket, "/v1/warm", body)
            #expect(answer.headers.first(name: "content-type") == "application/x-ndjson")
            let text = String(buffer: try await answer.body.collect(upTo: 1 << 20))
            let documents = try text.split(separator: "\n").map {
                try ControlJSON.decode(WarmDocument.self, from: Array($0.utf8))
            }
            #expect(documents.map(\.reference) == ["a", "b"])
            #expect(documents.map(\.state) == [.done, .done])
            let refused = try await post(socket, "/v1/warm", #"{"references":[],"platforms":[],"concurrency":0}"#)
            #expect(refused.status == .badRequest)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `a warming ends when nobody listens any more`() async throws {
        try await withServer { socket, service in
            let body = #"{"references":["endless"],"platforms":[],"concurrency":1}"#
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let answer = try await post(socket, "/v1/warm", body)
                    for try await _ in answer.body {}
                }
                while service.calls.withLock({ $0.isEmpty }) { await Task.yield() }
                group.cancelAll()
                try? await group.waitForAll()
            }
            while !service.calls.withLock({ $0.contains("cancelled true") }) { await Task.yield() }
        }
    }

    @Test func `a board keeps one state of each image for a slow reader`() {
        let board = WarmBoard(WarmRequest(references: ["a", "b"], platforms: [], concurrency: 1))
        #expect(board.take().changed == [])
        for bytes in 1...1000 { board.update(1) { $0.presentBytes = Int64(bytes) } }
        board.update(7) { $0.presentBytes = 1 }
        let (changed, isFinished) = board.take()
        #expect(changed.map(\.index) == [1])
        #expect(changed.first?.presentBytes == 1000)
        #expect(!isFinished)
        board.finish()
        #expect(board.take().isFinished)
    }
}
