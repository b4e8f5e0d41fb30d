import NIOCore
import Testing

@testable import KubernetesClient

@Suite struct FollowStateTests {
    private let gone = KubernetesError.refused(KubernetesStatus(code: 410, reason: .expired))
    private let broken = KubernetesError.unreachable(reason: "cut")

    @Test
    func `pages are read to their end, and then the list's version is watched`() {
        var state = FollowState()
        #expect(state.next() == .list(continueToken: nil))
        state.tookPage(resourceVersion: "5", continueToken: "a")
        #expect(state.next() == .list(continueToken: "a"))
        #expect(!state.isListed)
        state.tookPage(resourceVersion: "5", continueToken: nil)
        #expect(state.next() == .watch(resourceVersion: "5"))
        state.heard(resourceVersion: "9")
        #expect(state.next() == .watch(resourceVersion: "9"))
        #expect(state.isListed)
    }

    @Test
    func `a version that is gone leads to a new list at once, and a second time after a pause`() {
        var state = FollowState()
        state.tookPage(resourceVersion: "5", continueToken: nil)
        let first = state.failed(gone, jitter: 1)
        #expect(first == .zero)
        #expect(state.next() == .list(continueToken: nil))
        state.tookPage(resourceVersion: "6", continueToken: nil)
        let second = state.failed(gone, jitter: 1)
        #expect(second == .seconds(2))
        #expect(state.next() == .pause(.seconds(2)))
        #expect(state.next() == .list(continueToken: nil))
    }

    @Test
    func `a list whose token expires begins anew after a pause`() {
        var state = FollowState()
        state.tookPage(resourceVersion: "5", continueToken: "a")
        state.failed(gone, jitter: 1)
        #expect(state.next() == .pause(.seconds(1)))
        #expect(state.next() == .list(continueToken: nil))
    }

    @Test
    func `pauses double up to half a minute, and what is heard ends them`() {
        var state = FollowState()
        state.tookPage(resourceVersion: "5", continueToken: nil)
        var pauses: [Duration] = []
        for _ in 1...7 { pauses.append(state.failed(broken, jitter: 1)) }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30].map { .seconds($0) })
        #expect(state.next() == .pause(.seconds(30)))
        #expect(state.next() == .watch(resourceVersion: "5"))
        state.heard(resourceVersion: "7")
        let after = state.failed(broken, jitter: 0)
        #expect(after == .milliseconds(500))
    }

    @Test
    func `a watch that the server ends goes on at once, unless it ends without a word again and again`() {
        var state = FollowState()
        state.tookPage(resourceVersion: "5", continueToken: nil)
        state.watchEnded(after: .seconds(240), heardAnything: false, jitter: 1)
        #expect(state.next() == .watch(resourceVersion: "5"))
        state.watchEnded(after: .milliseconds(3), heardAnything: false, jitter: 1)
        #expect(state.next() == .pause(.seconds(1)))
        state.watchEnded(after: .milliseconds(3), heardAnything: false, jitter: 1)
        #expect(state.next() == .pause(.seconds(2)))
    }

    @Test
    func `the server's word on when to come back counts, within a minute`() {
        var state = FollowState()
        let busy = { (seconds: Int64) in
            KubernetesError.refused(KubernetesStatus(code: 429, retryAfter: .seconds(seconds)))
        }
        #expect(state.failed(busy(20), jitter: 0) == .seconds(20))
        _ = state.next()
        #expect(state.failed(busy(86_400), jitter: 0) == .seconds(60))
    }
}

@Suite struct WatchLineTests {
    @Test(arguments: [1, 2, 3, 7, 100])
    func `lines come whole however the stream is split`(_ size: Int) throws {
        let text = "first\n\nsecond line\nthird\nrest"
        var lines = WatchLines(limitBytes: 20)
        var found: [String] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            lines.append(.init(bytes: rest.prefix(size)))
            rest = rest.dropFirst(size)
            while let line = try lines.next() { found.append(String(decoding: line, as: UTF8.self)) }
        }
        #expect(found == ["first", "second line", "third"])
    }

    @Test(arguments: ["123456", "123456\n", "ok\n123456"])
    func `a line beyond the bound is refused, ended or not`(_ text: String) throws {
        var lines = WatchLines(limitBytes: 5)
        lines.append(.init(string: text))
        var error: KubernetesError?
        do throws(KubernetesError) { while try lines.next() != nil {} } catch let thrown { error = thrown }
        #expect(error == .tooLarge(limitBytes: 5))
    }
}

@Suite struct RetryDecisionTests {
    private func refused(_ code: Int, after seconds: Int64?) -> KubernetesError {
        .refused(KubernetesStatus(code: code, retryAfter: seconds.map { .seconds($0) }))
    }

    @Test
    func `only what the server turned away unread is sent again`() {
        let wait = { (error: KubernetesError, attempt: Int) in
            RetryDecision.wait(after: error, attempt: attempt, jitter: 0)
        }
        #expect(wait(refused(429, after: 3), 1) == .seconds(3))
        #expect(wait(refused(429, after: nil), 1) == .milliseconds(750))
        #expect(wait(refused(429, after: nil), 3) == .seconds(3))
        #expect(wait(refused(503, after: 1), 1) == .seconds(1))
        #expect(wait(refused(503, after: nil), 1) == nil)
        #expect(wait(refused(500, after: nil), 1) == nil)
        #expect(wait(refused(409, after: 1), 1) == nil)
        #expect(wait(refused(429, after: 3), 5) == nil)
        #expect(wait(refused(429, after: 31), 1) == nil)
        #expect(wait(.unreachable(reason: "cut"), 1) == nil)
    }
}
