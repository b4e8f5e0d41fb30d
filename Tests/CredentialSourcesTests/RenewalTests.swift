import Credentials
import Testing
import Timekeeping

@testable import CredentialSources

@Suite struct RenewalTests {
    private let start = Timestamp(seconds: 1_700_000_000)
    private let policy = RenewalPolicy(firstRetry: .seconds(1), longestRetry: .seconds(60))

    private func issued(_ password: String, for life: Duration? = nil, at now: Timestamp? = nil) -> IssuedCredentials {
        IssuedCredentials(
            .basic(username: "u", password: password), expiresAt: life.map { (now ?? start) + $0 })
    }

    private func renewal(holding issued: IssuedCredentials) -> Tried {
        let renewal = Tried(policy)
        #expect(renewal.askOnce(start) == .wait(startsRenewal: true))
        #expect(renewal.end(.success(issued), start) == .success(issued))
        return renewal
    }

    @Test func `the first login starts a renewal, and those after it wait for the same`() {
        let renewal = Tried(policy)
        #expect(renewal.askOnce(start) == .wait(startsRenewal: true))
        #expect(renewal.askOnce(start) == .wait(startsRenewal: false))
        #expect(renewal.end(.success(issued("a")), start) == .success(issued("a")))
        #expect(renewal.askOnce(start) == .use(issued("a")))
        #expect(renewal.report(origin: "o", at: start).condition == .good)
    }

    @Test(arguments: [(0, 1), (1, 1), (2, 2), (6, 32), (7, 60), (8, 60), (1000, 60)])
    func `each failure doubles the wait, up to the longest`(_ failures: Int, _ seconds: Int64) {
        #expect(policy.wait(after: failures) == .seconds(seconds))
    }

    /// Life, a moment, and whether credentials are got anew then.
    @Test(arguments: [
        (Duration.seconds(43_200), 39_599, false), (.seconds(43_200), 39_600, true),
        (.seconds(3600), 2999, false), (.seconds(3600), 3000, true),
        (.seconds(60), 29, false), (.seconds(60), 30, true),
    ])
    func `credentials are got anew before they run out, and used meanwhile`(
        _ life: Duration, _ after: Int, _ renews: Bool
    ) {
        let renewal = renewal(holding: issued("a", for: life))
        let now = start + .seconds(after)
        #expect(renewal.askOnce(now) == (renews ? .useAndRenew(issued("a", for: life)) : .use(issued("a", for: life))))
        #expect(renewal.askOnce(now) == .use(issued("a", for: life)))
    }

    @Test func `a failure leaves in use what is good, waits longer each time, and ends with what has run out`() {
        let first = issued("a", for: .seconds(600))
        let renewal = renewal(holding: first)
        let error = CredentialError.unavailable(reason: "no connection")
        var now = start + .seconds(501)
        #expect(renewal.askOnce(now) == .useAndRenew(first))
        #expect(renewal.end(.failure(error), now) == .success(first))
        #expect(renewal.report(origin: "o", at: now).condition == .renewalFails)
        #expect(renewal.askOnce(now) == .use(first))
        now = now + .seconds(1)
        #expect(renewal.askOnce(now) == .useAndRenew(first))
        #expect(renewal.end(.failure(error), now) == .success(first))
        #expect(renewal.report(origin: "o", at: now).nextAttemptAt == now + .seconds(2))
        now = start + .seconds(596)
        #expect(renewal.askOnce(now) == .wait(startsRenewal: true))
        #expect(renewal.end(.failure(error), now) == .failure(error))
        #expect(renewal.askOnce(now) == .fail(error))
        #expect(renewal.report(origin: "o", at: start + .seconds(600)).condition == .expired)
        let second = issued("b", for: .seconds(600), at: now)
        #expect(renewal.askOnce(now + .seconds(4)) == .wait(startsRenewal: true))
        #expect(renewal.end(.success(second), now) == .success(second))
        #expect(renewal.report(origin: "o", at: now).failure == nil)
    }

    @Test func `what has run out when it comes is a failure`() {
        let renewal = Tried(policy)
        _ = renewal.askOnce(start)
        let outcome = renewal.end(.success(issued("a", for: .seconds(3))), start)
        #expect(throws: CredentialError.self) { try outcome.get() }
        #expect(renewal.report(origin: "o", at: start).condition == .failing)
    }

    @Test func `what the registry refuses is got anew, and is not shown again at once`() {
        let renewal = renewal(holding: issued("a"))
        #expect(!renewal.refuse("other", start))
        #expect(renewal.refuse("a", start))
        #expect(!renewal.refuse("a", start))
        #expect(renewal.report(origin: "o", at: start).condition == .refused)
        #expect(renewal.askOnce(start) == .wait(startsRenewal: true))
        let again = renewal.end(.success(issued("a")), start)
        #expect(throws: CredentialError.self) { try again.get() }
        // A registry may have erred: after a while the same is tried once more.
        let later = start + .seconds(11)
        #expect(renewal.askOnce(later) == .wait(startsRenewal: true))
        #expect(renewal.end(.success(issued("a")), later) == .success(issued("a")))
        #expect(renewal.refuse("a", later))
        guard case .fail = renewal.askOnce(later) else {
            Issue.record("refused twice, and tried again at once")
            return
        }
        let new = issued("b")
        #expect(renewal.askOnce(later + .seconds(60)) == .wait(startsRenewal: true))
        #expect(renewal.end(.success(new), later + .seconds(60)) == .success(new))
        #expect(renewal.report(origin: "o", at: later + .seconds(60)).condition == .good)
    }

    @Test func `what has no end is got anew after the policy's lifetime`() {
        let renewal = Tried(RenewalPolicy(lifetimeWithoutEnd: .seconds(600)))
        _ = renewal.askOnce(start)
        _ = renewal.end(.success(issued("a")), start)
        #expect(renewal.askOnce(start + .seconds(599)) == .use(issued("a")))
        #expect(renewal.askOnce(start + .seconds(600)) == .useAndRenew(issued("a")))
    }

    @Test func `what nobody asks for is told to run out soon`() {
        let renewal = renewal(holding: issued("a", for: .seconds(3600)))
        #expect(renewal.report(origin: "o", at: start + .seconds(3500)).condition == .aboutToExpire)
        #expect(Tried(policy).report(origin: "o", at: start).condition == .unused)
    }
}

/// A renewal whose changes may stand in an expectation.
private final class Tried {
    private var renewal: Renewal

    init(_ policy: RenewalPolicy) { renewal = Renewal(policy: policy) }

    func askOnce(_ now: Timestamp) -> Renewal.Decision { renewal.ask(at: now) }

    func end(
        _ result: Result<IssuedCredentials, CredentialError>, _ now: Timestamp
    ) -> Result<IssuedCredentials, CredentialError> { renewal.finish(result, at: now) }

    func refuse(_ password: String, _ now: Timestamp) -> Bool {
        renewal.noteRefused(.basic(username: "u", password: password), at: now)
    }

    func report(origin: String, at now: Timestamp) -> CredentialReport { renewal.report(origin: origin, at: now) }
}
