import NIOCore
import Synchronization
import Testing

@testable import ContainerdClient

@Suite(.timeLimit(.minutes(1))) struct GRPCClientTests {
    private func client(_ server: GRPCServer, limitBytes: Int = 1000) -> GRPCClient {
        GRPCClient(socket: server.path, fields: [("containerd-namespace", "k8s.io")], limitBytes: limitBytes)
    }

    @Test func `a call has one answer, and one connection carries many calls at once`() async throws {
        try await GRPCServer.with({ call in .init(messages: [Array(call.method.utf8)]) }) { server in
            let client = client(server)
            let answers = try await withThrowingTaskGroup(of: String.self) { group in
                for index in 0..<300 {
                    group.addTask { String(buffer: try await client.unary("a.B/C\(index)", [1, 2])) }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(answers == Set((0..<300).map { "/a.B/C\($0)" }))
            #expect(server.record.connections == 1)
        }
    }

    /// A server need not wait for the end, and resets the stream behind its answer: what is written later fails.
    @Test func `a request is written in one piece`() async throws {
        try await GRPCServer.with({ _ in .init(messages: [[1]]) }) { server in
            let client = client(server)
            for _ in 0..<50 { _ = try await client.unary("a.B/C", [1, 2]) }
            #expect(server.record.piecemealRequests == 0)
        }
    }

    @Test func `a stream's messages come one by one, in their order`() async throws {
        try await GRPCServer.with({ _ in .init(messages: (0..<200).map { [UInt8($0)] }) }) { server in
            let received = Mutex<[UInt8]>([])
            try await client(server).stream("a/b", [], within: .seconds(10)) { message in
                received.withLock { $0 += message.readableBytesView }
            }
            #expect(received.withLock { $0 } == Array(0..<200))
        }
    }

    private final class Seen: Sendable {
        let begun = Mutex(0)
        let isOver = Mutex(false)
    }

    /// What the server had sent before it heard of that is no fault of the connection's, and there is much of it.
    @Test func `many calls that are given up at once end no others`() async throws {
        let messages = [[UInt8]](repeating: [UInt8](repeating: 7, count: 16 << 10), count: 32)
        let answer = { @Sendable (call: GRPCServer.Call) -> GRPCServer.Script in
            switch call.method {
            case "/lasting": .init(hangs: true)
            case "/short": .init(messages: [[1]])
            default: .init(messages: messages)
            }
        }
        try await GRPCServer.with(answer) { server in
            let client = client(server, limitBytes: 1 << 20)
            let seen = Seen()
            let lasting = Task {
                try? await client.stream("lasting", [], within: nil) { _ in }
                seen.isOver.withLock { $0 = true }
            }
            let calls = (0..<80).map { _ in
                Task { try await client.stream("long", [], within: nil) { _ in seen.begun.withLock { $0 += 1 } } }
            }
            while seen.begun.withLock({ $0 }) < 80 { await Task.yield() }
            for call in calls { call.cancel() }
            for call in calls { _ = await call.result }
            for _ in 0..<20 { _ = try await client.unary("short", []) }
            #expect(!seen.isOver.withLock { $0 })
            #expect(server.record.connections == 1 && server.record.givenUp == 0)
            lasting.cancel()
            await lasting.value
        }
    }

    @Test(arguments: [
        (GRPCServer.Script(status: 5, message: "not here"), GRPCError.status(code: 5, message: "not here")),
        (GRPCServer.Script(), .malformed("no message")),
        (GRPCServer.Script(messages: [Array(repeating: 0, count: 1001)]), .tooLarge(limitBytes: 1000)),
        (GRPCServer.Script(raw: [0, 0, 0, 0, 5, 1]), .malformed("a message is cut short")),
        (GRPCServer.Script(raw: [1, 0, 0, 0, 0]), .malformed("a compressed message")),
    ])
    func `what is no answer is told apart`(_ script: GRPCServer.Script, _ expected: GRPCError) async throws {
        try await GRPCServer.with({ _ in script }) { server in
            let client = client(server)
            await #expect(throws: expected) { try await client.unary("a/b", []) }
        }
    }

    @Test func `a call that never ends is given up, and one that breaks off is an error`() async throws {
        try await GRPCServer.with({ $0.method == "/hang" ? .init(hangs: true) : .init(status: nil) }) { server in
            let client = client(server)
            await #expect(throws: GRPCError.timedOut) {
                try await client.unary("hang", [], within: .milliseconds(50))
            }
            await #expect(throws: GRPCError.self) { try await client.unary("break", []) }
        }
    }

    @Test(arguments: [false, true])
    func `a connection that says nothing while a call runs out of its time is given up`(isHeard: Bool) async throws {
        let script = { @Sendable (call: GRPCServer.Call) -> GRPCServer.Script in
            call.method == "/hang" ? .init(hangs: true, interlude: isHeard ? .ping : nil) : .init(messages: [[1]])
        }
        try await GRPCServer.with(script) { server in
            let client = client(server)
            _ = try await client.unary("a/b", [])
            await #expect(throws: GRPCError.timedOut) {
                // A busy machine takes its time until the server has heard of the call, and is heard.
                try await client.unary("hang", [], within: isHeard ? .seconds(4) : .milliseconds(500))
            }
            _ = try await client.unary("a/b", [])
            #expect(server.record.connections == (isHeard ? 1 : 2))
        }
    }

    @Test(arguments: [GRPCServer.Interlude.goAway, .malformedFrame])
    func `a connection that can carry no more calls ends those on it, and the next call makes another`(
        _ interlude: GRPCServer.Interlude
    ) async throws {
        try await GRPCServer.with({ call in
            call.method == "/break" ? .init(hangs: true, interlude: interlude) : .init(messages: [[1]])
        }) { server in
            let client = client(server)
            _ = try await client.unary("a/b", [])
            let failure = await #expect(throws: GRPCError.self) {
                try await client.unary("break", [], within: .seconds(30))
            }
            #expect(failure != .timedOut)
            #expect(Array(try await client.unary("a/b", []).readableBytesView) == [1])
            #expect(server.record.connections == 2)
        }
    }

    @Test func `nobody there is told in words`() async throws {
        let client = GRPCClient(socket: "/tmp/weir-there-is-no-such-socket", fields: [])
        await #expect(throws: GRPCError.unavailable("there is no socket /tmp/weir-there-is-no-such-socket")) {
            try await client.unary("a/b", [])
        }
    }
}
