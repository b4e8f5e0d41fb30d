import OCI
import Rules
import Testing
import Timekeeping

@testable import PullThroughCache

@Suite struct TagDecisionTests {
    private static let now = Timestamp(seconds: 1_700_000_000)

    struct Case: Sendable {
        var name: String
        var tag = "latest"
        var freshness = FreshnessPolicy(
            moving: .seconds(300), minor: .seconds(3600), exact: .seconds(86_400), staleWhileRevalidate: .seconds(60))
        var outage = OutagePolicy()
        var age: Duration?
        var absentFor: Duration?
        var isForced = false
        var pausedBy: OutageCondition?
        var urgency = 0.0
        var expected: TagDecision
    }

    static let cases: [Case] = [
        Case(name: "nothing known", expected: .resolve),
        Case(name: "nothing known, forced", isForced: true, expected: .resolve),
        Case(name: "just checked", age: .zero, expected: .fresh(ttl: .seconds(300))),
        Case(name: "one second before the end", age: .seconds(299), expected: .fresh(ttl: .seconds(1))),
        Case(name: "at the end", age: .seconds(300), expected: .staleWhileRevalidating(staleness: .zero)),
        Case(name: "within the grace", age: .seconds(359), expected: .staleWhileRevalidating(staleness: .seconds(59))),
        Case(name: "past the grace", age: .seconds(360), expected: .revalidate),
        Case(name: "fresh but forced", age: .seconds(1), isForced: true, expected: .revalidate),
        Case(
            name: "an exact version stays fresh longer", tag: "1.27.3", age: .seconds(3600),
            expected: .fresh(ttl: .seconds(82_800))),
        Case(
            name: "an override decides before the class", tag: "1.27.3",
            freshness: FreshnessPolicy(overrides: [.init(pattern: "1.*", lifetime: .seconds(10))]), age: .seconds(11),
            expected: .revalidate),
        Case(name: "said to be absent", absentFor: .seconds(20), expected: .absent(ttl: .seconds(20))),
        Case(name: "no longer absent", absentFor: .seconds(-1), expected: .resolve),
        Case(name: "absent, but forced", absentFor: .seconds(20), isForced: true, expected: .resolve),
        Case(
            name: "absent after it was known", age: .seconds(10), absentFor: .seconds(5),
            expected: .absent(ttl: .seconds(5))),
        Case(
            name: "stale while the upstream is paused", age: .seconds(1000), pausedBy: .unreachable,
            expected: .staleWhilePaused(staleness: .seconds(700))),
        Case(
            name: "paused, but stale answers are not allowed", outage: OutagePolicy(unreachable: .passOn),
            age: .seconds(1000), pausedBy: .unreachable, expected: .revalidate),
        Case(
            name: "paused, and older than stale answers may be",
            outage: OutagePolicy(unreachable: .serveStale(maximumAge: .seconds(900))), age: .seconds(1000),
            pausedBy: .unreachable, expected: .revalidate),
        Case(
            name: "paused by what must be passed on", outage: OutagePolicy(serverError: .passOn),
            age: .seconds(1000), pausedBy: .serverError, expected: .revalidate),
        Case(
            name: "paused by what may be served through", outage: OutagePolicy(unreachable: .passOn),
            age: .seconds(1000), pausedBy: .serverError, expected: .staleWhilePaused(staleness: .seconds(700))),
        Case(
            name: "paused, forced", age: .seconds(1000), isForced: true, pausedBy: .unreachable, expected: .revalidate),
        Case(
            name: "postponed while the budget is short", age: .seconds(500), urgency: 0.5,
            expected: .postponed(staleness: .seconds(200))),
        Case(
            name: "postponed no longer than the urgency allows", age: .seconds(750), urgency: 0.5,
            expected: .revalidate),
        Case(
            name: "postponed to the utmost where nothing is left", age: .seconds(1199), urgency: 1,
            expected: .postponed(staleness: .seconds(899))),
        Case(name: "never beyond that", age: .seconds(1200), urgency: 1, expected: .revalidate),
        Case(
            name: "never where it is not to be", freshness: FreshnessPolicy(moving: .seconds(300), stretch: 1),
            age: .seconds(300), urgency: 1, expected: .revalidate),
        Case(name: "short, but forced", age: .seconds(500), isForced: true, urgency: 1, expected: .revalidate),
        Case(name: "checked in the future, by a clock set back", age: .seconds(-5), expected: .revalidate),
    ]

    @Test(arguments: cases)
    func `a tag is decided on by what is known of it`(_ example: Case) throws {
        let rule = Rule(
            name: try RuleName("hub"), freshness: example.freshness, outage: example.outage)
        let decision = TagDecision(
            tag: try Tag(example.tag), rule: rule, checkedAt: example.age.map { Self.now - $0 },
            absentUntil: example.absentFor.map { Self.now + $0 }, now: Self.now, isForced: example.isForced,
            pausedBy: example.pausedBy, urgency: example.urgency)
        #expect(decision == example.expected, "\(example.name)")
    }
}
