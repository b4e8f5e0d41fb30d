import Testing
import Timekeeping

@testable import UpstreamClient

struct TokenTableTests {
    private let start = Timestamp(seconds: 1_000_000)

    private func token(_ value: String, seconds: Int64) -> Token {
        Token(value: value, usableUntil: start + .seconds(seconds))
    }

    @Test func `the first one fetches, and the others wait for it`() {
        var table = TokenTable<Int>()
        #expect(table.usable("a", refused: nil, now: start) == nil)
        #expect(table.join("a", 1) == .leader)
        #expect(table.join("a", 2) == .follower)
        #expect(table.join("b", 3) == .leader)
        #expect(table.finish("a", with: token("t", seconds: 60), now: start) == [1, 2])
        #expect(table.usable("a", refused: nil, now: start)?.value == "t")
        #expect(table.finish("b", with: nil, now: start) == [3])
        #expect(table.join("b", 4) == .leader)
    }

    @Test func `one who leaves is told nothing`() {
        var table = TokenTable<Int>()
        _ = table.join("a", 1)
        _ = table.join("a", 2)
        #expect(table.leave("a") { $0 == 1 } == 1)
        #expect(table.leave("a") { $0 == 1 } == nil)
        #expect(table.finish("a", with: nil, now: start) == [2])
    }

    @Test func `a token ends with its time`() {
        var table = TokenTable<Int>()
        _ = table.join("a", 1)
        _ = table.finish("a", with: token("t", seconds: 60), now: start)
        #expect(table.usable("a", refused: nil, now: start + .seconds(59)) != nil)
        #expect(table.usable("a", refused: nil, now: start + .seconds(60)) == nil)
    }

    @Test func `only the refused token is forgotten, not the one that replaced it`() {
        var table = TokenTable<Int>()
        _ = table.join("a", 1)
        _ = table.finish("a", with: token("new", seconds: 60), now: start)
        #expect(table.usable("a", refused: "old", now: start)?.value == "new")
        table.forget("old", of: "a")
        #expect(table.usable("a", refused: nil, now: start)?.value == "new")
        #expect(table.usable("a", refused: "new", now: start) == nil)
    }

    @Test func `the table is bounded, and what expires first goes first`() {
        var table = TokenTable<Int>(capacity: 8)
        for number in 0..<100 {
            _ = table.join("\(number)", number)
            _ = table.finish("\(number)", with: token("\(number)", seconds: Int64(60 + number)), now: start)
            #expect(table.count <= 8)
        }
        #expect(table.usable("99", refused: nil, now: start) != nil)
        #expect(table.usable("0", refused: nil, now: start) == nil)
    }

    @Test(arguments: [
        (#"{"token":"t"}"#, 60), (#"{"access_token":"t"}"#, 60), (#"{"token":"","access_token":"t"}"#, 60),
        (#"{"token":"t","expires_in":300}"#, 300), (#"{"token":"t","expires_in":5}"#, 60),
        (#"{"token":"t","expires_in":-1}"#, 60), (#"{"token":"t","expires_in":"300"}"#, 300),
        (#"{"token":"t","expires_in":1e300}"#, 86_400), (#"{"token":"t","expires_in":null}"#, 60),
        (#"{"token":"t","expires_in":{},"issued_at":7}"#, 60),
        (#"{"token":"t","expires_in":300,"issued_at":"2023-11-14T22:13:20Z"}"#, 300),
        (#"{"token":"t","expires_in":300,"issued_at":"2023-11-14T22:12:20.5Z"}"#, 240),
        (#"{"token":"t","expires_in":300,"issued_at":"2001-01-01T00:00:00Z"}"#, 300),
        (#"{"token":"t","expires_in":300,"issued_at":"2040-01-01T00:00:00+01:00"}"#, 300),
    ])
    func `a token's life is what it says, within bounds`(_ json: String, _ seconds: Int64) throws {
        let answer = try TokenAnswer(json: Array(json.utf8), date: "Tue, 14 Nov 2023 22:13:20 GMT", now: start)
        #expect(answer.token.value == "t")
        let life = Duration.seconds(seconds)
        #expect(answer.token.usableUntil == start + (life - min(life / 10, .seconds(30))))
    }

    @Test(
        arguments: [
            ("", .notJSON), ("<html>", .notJSON), ("[]", .notJSON), ("{}", .noToken), (#"{"token":""}"#, .noToken),
            (#"{"token":7}"#, .noToken), (#"{"token":"a\r\nX: y"}"#, .malformedToken),
            (#"{"token":"a b"}"#, .malformedToken),
            (#"{"token":"\#(String(repeating: "x", count: 40_000))"}"#, .malformedToken),
            (String(repeating: "[", count: 10_000), .notJSON),
        ] as [(String, TokenAnswerError)])
    func `an answer without a proper token is an error`(_ json: String, _ expected: TokenAnswerError) {
        #expect(throws: expected) { try TokenAnswer(json: Array(json.utf8), date: nil, now: start) }
    }

    @Test func `a refused scope waits, longer each time`() {
        var logins = LoginGuard()
        var now = start
        for expected in [5, 10, 20, 40, 60, 60] {
            #expect(logins.refusal(of: "a", now: now) == nil)
            logins.refused("a", status: 403, hasCredentials: true, now: now)
            #expect(logins.refusal(of: "a", now: now + .seconds(Int64(expected) - 1)) == 403)
            #expect(logins.refusal(of: "b", now: now) == nil)
            now = now + .seconds(expected)
        }
        logins.succeeded("a")
        logins.refused("a", status: 403, hasCredentials: true, now: now)
        #expect(logins.refusal(of: "a", now: now + .seconds(5)) == nil)
    }

    @Test func `an account that is refused three times in a row rests, whatever the scope`() {
        var logins = LoginGuard()
        for scope in ["a", "b"] { logins.refused(scope, status: 401, hasCredentials: true, now: start) }
        #expect(logins.refusal(of: "c", now: start) == nil)
        logins.refused("c", status: 401, hasCredentials: true, now: start)
        #expect(logins.refusal(of: "d", now: start) == 401)
        var now = start
        for quarters in [1, 2, 4, 8, 16, 16] {
            let wait = Duration.seconds(900 * quarters)
            #expect(logins.refusal(of: "d", now: now + wait - .seconds(1)) == 401)
            #expect(logins.accountRefusal(now: now) == now + wait)
            now = now + wait
            #expect(logins.refusal(of: "d", now: now) == nil)
            logins.refused("d\(quarters)", status: 401, hasCredentials: true, now: now)
        }
        logins.succeeded("e")
        #expect(logins.refusal(of: "f", now: now) == nil)
        for scope in ["g", "h"] { logins.refused(scope, status: 401, hasCredentials: true, now: now) }
        #expect(logins.refusal(of: "f", now: now) == nil)
    }

    @Test func `a refusal of what has worked before speaks against the credentials, and nothing else does`() {
        var logins = LoginGuard()
        for scope in ["a", "b"] { logins.succeeded(scope) }
        for scope in ["x", "y", "z"] { logins.refused(scope, status: 401, hasCredentials: true, now: start) }
        #expect(logins.accountRefusal(now: start) == nil)
        for scope in ["a", "b", "a"] { logins.refused(scope, status: 401, hasCredentials: true, now: start) }
        #expect(logins.accountRefusal(now: start) == start + .seconds(900))
        // One success, and all of it may have been about rights.
        logins.succeeded("b")
        logins.refused("a", status: 401, hasCredentials: true, now: start)
        #expect(logins.accountRefusal(now: start) == nil)
        // What is refused with 403 is no login.
        for _ in 0..<5 { logins.refused("b", status: 403, hasCredentials: true, now: start) }
        #expect(logins.accountRefusal(now: start) == nil)
    }

    @Test func `credentials that have worked are doubted later`() {
        var logins = LoginGuard()
        logins.succeeded("a")
        for number in 0..<9 { logins.refused("\(number)", status: 401, hasCredentials: true, now: start) }
        #expect(logins.refusal(of: "x", now: start) == nil)
        logins.refused("9", status: 401, hasCredentials: true, now: start)
        #expect(logins.refusal(of: "x", now: start) == 401)
        #expect(logins.accountRefusal(now: start) == start + .seconds(5))
        for number in 10..<1000 { logins.refused("\(number)", status: 401, hasCredentials: true, now: start) }
        #expect(logins.accountRefusal(now: start) == start + .seconds(600))
    }

    @Test func `no wait is longer than the longest, also after the clock was set back`() {
        var logins = LoginGuard()
        logins.refused("a", status: 401, hasCredentials: false, now: start)
        #expect(logins.refusal(of: "a", now: start - .seconds(56)) == nil)
        for _ in 0..<3 { logins.refused("a", status: 401, hasCredentials: true, now: start) }
        #expect(logins.refusal(of: "b", now: start - .seconds(3600)) == 401)
        #expect(logins.refusal(of: "b", now: start - .seconds(4 * 3600)) == nil)
        #expect(logins.accountRefusal(now: start - .seconds(4 * 3600)) == nil)
    }

    @Test func `anonymous refusals never rest the whole client`() {
        var logins = LoginGuard()
        for number in 0..<1000 { logins.refused("\(number)", status: 401, hasCredentials: false, now: start) }
        #expect(logins.refusal(of: "x", now: start) == nil)
    }
}
