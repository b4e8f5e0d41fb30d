import NIOCore
import OCI
import Rules
import Testing
import Timekeeping
import Upstream

@testable import PullThroughCache

@Suite struct FillDecisionTests {
    @Test
    func `the last byte is withheld until the digest is verified`() {
        var progress = FillProgress()
        progress.begin(size: 10)
        progress.advance(to: 9)
        #expect(progress.front == 9)
        progress.advance(to: 10)
        #expect(progress.front == 9)
        progress.finish()
        #expect(progress.front == 10)
    }

    @Test
    func `a byte is withheld throughout where nobody said how many come`() {
        var progress = FillProgress()
        progress.begin(size: nil)
        #expect(progress.front == 0)
        progress.advance(to: 5)
        #expect(progress.front == 4)
        progress.finish()
        #expect(progress.front == 5)
        #expect(progress.size == 5)
    }

    @Test
    func `a fill that failed never shows its last byte, and an outcome never changes`() {
        var progress = FillProgress()
        progress.begin(size: 4)
        progress.advance(to: 4)
        progress.fail(.blobUnknown)
        #expect(progress.front == 3)
        var finished = FillProgress()
        finished.begin(size: 0)
        finished.finish()
        finished.fail(.blobUnknown)
        guard case .verified = finished.phase else {
            Issue.record("a verified fill became another")
            return
        }
    }

    @Test(arguments: [
        (UpstreamError.truncated, true), (.timedOut, true), (.unreachable(reason: ""), true),
        (.serverError(status: 502, retryAfter: nil), true), (.malformedAnswer(reason: ""), true),
        (.serverError(status: 503, retryAfter: .seconds(3600)), false), (.notFound, false),
        (.unauthorized(status: 401), false), (.rateLimited(.pull, retryAfter: .seconds(1)), false),
        (.redirectRefused(reason: ""), false), (.cancelled, false),
    ])
    func `only what may pass goes on`(_ error: UpstreamError, _ goesOn: Bool) {
        #expect((FillRetries().pause(after: 1, error: error, jitter: 0) != nil) == goesOn)
    }

    @Test
    func `pauses double, have a bound, leave half to chance, and end`() {
        let retries = FillRetries(attempts: 8, firstPause: .milliseconds(100), longestPause: .seconds(1))
        let pauses = (1...8).map { retries.pause(after: $0, error: .truncated, jitter: 1) }
        #expect(
            pauses == [
                .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800), .seconds(1),
                .seconds(1),
                .seconds(1), nil,
            ])
        #expect(retries.pause(after: 1, error: .truncated, jitter: 0) == .milliseconds(50))
        let asked = UpstreamError.serverError(status: 503, retryAfter: .milliseconds(700))
        #expect(retries.pause(after: 1, error: asked, jitter: 0) == .milliseconds(700))
    }

    @Test
    func `the window gives out what it holds, and drops what everyone has`() {
        var window = MemoryWindow(start: 100)
        window.append(ByteBuffer(string: "abcd"))
        window.append(ByteBuffer(string: "efgh"))
        #expect(window.end == 108)
        #expect(window.slice(at: 101, limit: 200) == ByteBuffer(string: "bcd"))
        #expect(window.slice(at: 104, limit: 106) == ByteBuffer(string: "ef"))
        #expect(window.slice(at: 99, limit: 200) == nil)
        #expect(window.slice(at: 108, limit: 200) == nil)
        window.discard(before: 103)
        #expect(window.start == 100)
        window.discard(before: 106)
        #expect(window.start == 104)
        #expect(window.byteCount == 4)
        #expect(window.slice(at: 103, limit: 200) == nil)
        #expect(window.slice(at: 107, limit: 200) == ByteBuffer(string: "h"))
    }

    @Test
    func `a breaker pauses longer with each failure in a row, and one success ends it`() {
        var breaker = Breaker()
        var now = Timestamp(seconds: 0)
        #expect(!breaker.isOpen(at: now))
        var pauses: [Int64] = []
        for _ in 0..<8 {
            breaker.recordFailure(.serverError, at: now)
            // Those that were under way when it failed change nothing.
            breaker.recordFailure(.serverError, at: now)
            var pause: Int64 = 0
            while breaker.isOpen(at: now + .seconds(pause)) { pause += 1 }
            pauses.append(pause)
            now = now + .seconds(pause)
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60])
        // That the pause is over says nothing of the upstream.
        #expect(breaker.openCondition(at: now) == nil)
        #expect(breaker.lastFailure == .serverError)
        breaker.recordFailure(.serverError, at: now)
        breaker.recordSuccess()
        #expect(!breaker.isOpen(at: now))
        #expect(breaker.lastFailure == nil)
    }
}

@Suite struct FillTableTests {
    private let digest = DigestHasher.digest(of: "content".utf8)

    private func make() throws -> (Fill, FillReader) {
        let repository = RepositoryKey(rule: try RuleName("hub"), name: try RepositoryName("library/x"))
        let fill = Fill(digest: digest, repository: repository, windowBytes: 100)
        return (fill, try #require(fill.makeReader()))
    }

    @Test
    func `the first to join leads and the others follow`() throws {
        var table = FillTable()
        let first = try make()
        guard case .leader = table.join(first.0, reader: first.1, isOwn: false) else {
            Issue.record("the first did not lead")
            return
        }
        let second = try make()
        guard case .follower(let reader) = table.join(second.0, reader: second.1, isOwn: false) else {
            Issue.record("the second did not follow")
            return
        }
        #expect(reader.repository == first.0.repository)
        #expect(table.fill(of: digest, by: first.0.repository.rule) === first.0)
        table.finish(second.0)
        #expect(table.fill(of: digest, by: first.0.repository.rule) === first.0, "only the fill itself ends its entry")
        table.finish(first.0)
        #expect(table.count == 0)
    }

    @Test
    func `a fill that failed is followed by another one`() throws {
        var table = FillTable()
        let first = try make()
        _ = table.join(first.0, reader: first.1, isOwn: false)
        first.0.fail(.cancelled)
        let second = try make()
        guard case .leader = table.join(second.0, reader: second.1, isOwn: false) else {
            Issue.record("a failed fill was joined")
            return
        }
        table.finish(first.0)
        #expect(table.fill(of: digest, by: first.0.repository.rule) === second.0)
    }

    @Test
    func `a blob is never filled and removed at once`() throws {
        var table = FillTable()
        let fill = try make()
        _ = table.join(fill.0, reader: fill.1, isOwn: false)
        let isRemovable = table.beginRemoval(of: digest)
        #expect(!isRemovable)
        table.finish(fill.0)
        let first = table.beginRemoval(of: digest)
        let second = table.beginRemoval(of: digest)
        #expect(first && !second)
        guard case .afterRemoval(let waiter) = table.join(fill.0, reader: fill.1, isOwn: false) else {
            Issue.record("a fill began during a removal")
            return
        }
        let waiters = table.endRemoval(of: digest)
        #expect(waiters.contains { $0 === waiter })
        guard case .leader = table.join(fill.0, reader: fill.1, isOwn: false) else {
            Issue.record("no fill begins after a removal")
            return
        }
    }

    @Test
    func `bytes that bypassed the disk wait for the slowest reader`() async throws {
        let (fill, slow) = try make()
        fill.begin(size: 200)
        try await fill.append(toWindow: ByteBuffer(repeating: 1, count: 100))
        let quick = try #require(fill.makeReader())
        guard case .bytes(let bytes) = try await quick.piece(at: 0, limit: 200) else {
            Issue.record("no bytes from the window")
            return
        }
        #expect(bytes.readableBytes == 100)
        let writer = Task { try await fill.append(toWindow: ByteBuffer(repeating: 2, count: 50)) }
        // The quick one has everything, and waits for more; the slow one has nothing yet.
        let next = Task { try await quick.piece(at: 100, limit: 200) }
        guard case .bytes(let first) = try await slow.piece(at: 0, limit: 200) else {
            Issue.record("no bytes from the window")
            return
        }
        #expect(first.readableBytes == 100)
        #expect(fill.written == 100, "the transfer went on before the slowest reader had its bytes")
        let rest = Task { try await slow.piece(at: 100, limit: 200) }
        try await writer.value
        for piece in [try await next.value, try await rest.value] {
            guard case .bytes(let bytes) = piece else {
                Issue.record("no bytes from the window")
                return
            }
            #expect(bytes == ByteBuffer(repeating: 2, count: 50))
        }
        #expect(fill.makeReader() == nil, "the first bytes are gone, so nobody can join")
    }

    @Test
    func `a transfer past the disk ends when nobody reads any longer`() async throws {
        let (fill, reader) = try make()
        fill.begin(size: 200)
        try await fill.append(toWindow: ByteBuffer(repeating: 1, count: 100))
        let writer = Task { try await fill.append(toWindow: ByteBuffer(repeating: 2, count: 50)) }
        withExtendedLifetime(reader) {}
        fill.leave(0)
        await #expect(throws: CacheError.cancelled) { try await writer.value }
    }
}
