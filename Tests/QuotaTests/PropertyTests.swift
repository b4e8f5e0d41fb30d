import Testing
import Timekeeping

@testable import Quota

/// A registry that counts, and answers that overtake each other.
@Suite struct PropertyTests {
    private struct Registry {
        let limit: Int64
        let window: Int64
        let slides: Bool
        /// When the pulls of the window were, by source.
        var pulls: [String: [Int64]] = [:]

        mutating func left(_ source: String, at now: Int64) -> Int64 {
            var times = pulls[source] ?? []
            if slides {
                times.removeAll { $0 + window <= now }
            } else if let first = times.first, first + window <= now {
                times = []
            }
            pulls[source] = times
            return limit - Int64(times.count)
        }

        /// Nil: refused.
        mutating func pull(_ source: String, at now: Int64) -> Int64? {
            guard left(source, at: now) > 0 else { return nil }
            pulls[source, default: []].append(now)
            return left(source, at: now)
        }
    }

    private struct Flight {
        var reservation: QuotaReservation
        var sentAt: Timestamp
        var left: Int64?
    }

    @Test(arguments: 0..<40)
    func `what is on its way and what was spent never exceed what was learnt`(_ seed: Int) {
        var numbers = Numbers(state: UInt64(seed))
        let slides = seed % 2 == 1
        var registry = Registry(limit: .random(in: 1...30, using: &numbers), window: 600_000, slides: slides)
        let sharesAddresses = seed % 4 < 2
        let tested = ledger(["a", "b"], anonymous: true, egress: ["one", "two"], reserve: .pulls(0))
        func source(_ pair: QuotaPair) -> String {
            pair.account == .anonymous || !sharesAddresses ? "\(pair)" : pair.account.description
        }
        var now = start
        func observation(_ left: Int64, _ pair: QuotaPair) -> QuotaObservation {
            told(left, of: registry.limit, window: .seconds(600), source: source(pair))
        }
        // Known from the start, as after a probe of each.
        for pair in tested.report().pairs.map(\.pair) {
            tested.observe(observation(registry.limit, pair), of: pair, startedAt: now, now: now)
        }
        var flights: [Flight] = []
        var refused = 0
        var granted = 0
        for _ in 0..<2000 {
            now = now + .milliseconds(.random(in: 0...2000, using: &numbers))
            if Bool.random(using: &numbers) {
                let before = tested.report(now: now)
                guard let reservation = tested.pull(at: now) else {
                    #expect(before.firstPulls == 0)
                    continue
                }
                granted += 1
                let known = before.pairs.first { $0.pair == reservation.pair }
                #expect(known.map { Int64($0.inFlight) < $0.remaining ?? 0 } == true)
                let left = registry.pull(source(reservation.pair), at: now.milliseconds)
                if left == nil { refused += 1 }
                flights.append(Flight(reservation: reservation, sentAt: now, left: left))
            } else if !flights.isEmpty {
                let flight = flights.remove(at: .random(in: 0..<flights.count, using: &numbers))
                let pair = flight.reservation.pair
                guard let left = flight.left else {
                    tested.settle(flight.reservation, .pullLimit(retryAfter: nil), now: now)
                    continue
                }
                if Int.random(in: 0..<20, using: &numbers) == 0 {
                    tested.settle(flight.reservation, .unknown, now: now)
                } else {
                    tested.observe(observation(left, pair), by: flight.reservation, startedAt: flight.sentAt, now: now)
                    tested.settle(flight.reservation, .answered(wasToldLimits: true), now: now)
                }
            }
        }
        #expect(granted > 0)
        // Where windows are fixed and nobody else pulls, no pull is ever refused.
        if !slides { #expect(refused == 0) }
        // Everything comes back: nothing stays reserved.
        for flight in flights { tested.settle(flight.reservation, .unsent, now: now) }
        #expect(tested.report(now: now).pairs.allSatisfy { $0.inFlight == 0 })
    }
}
