import Testing

@testable import Quota

/// The tournament against looking at everyone.
@Suite struct TournamentTests {
    private static func random(_ numbers: inout Numbers, now: Int64) -> QuotaScore {
        switch Int.random(in: 0..<10, using: &numbers) {
        case 0:
            return .unusable(until: Bool.random(using: &numbers) ? .max : now + .random(in: 1...500, using: &numbers))
        case 1:
            return QuotaScore(
                rank: 3, headroom: -Double(Int.random(in: 0...5, using: &numbers)), end: nil, validUntil: .max)
        case 2:
            return QuotaScore(rank: 1, headroom: .random(in: 0.001...1, using: &numbers), end: nil, validUntil: .max)
        default:
            let end = now + .random(in: 1...2000, using: &numbers)
            return QuotaScore(
                rank: 1, headroom: Double(Int.random(in: 1...200, using: &numbers)), end: end, validUntil: end)
        }
    }

    private static func best(_ scores: [QuotaScore], at now: Int64, _ accepts: (Int) -> Bool) -> Int? {
        var best: Int?
        for index in scores.indices where scores[index].rank > 0 && accepts(index) {
            if best.map({ scores[index].isBetter(than: scores[$0], at: now) }) ?? true { best = index }
        }
        return best
    }

    @Test(arguments: [1, 2, 3, 17, 64, 100])
    func `the best is the best at every moment, whoever is refused`(_ count: Int) {
        var numbers = Numbers(state: UInt64(count))
        var now: Int64 = 1_000_000
        var scores = (0..<count).map { _ in Self.random(&numbers, now: now) }
        var tournament = KineticTournament(scores, now: now)
        for _ in 0..<3000 {
            now += .random(in: 0...40, using: &numbers)
            for index in scores.indices where scores[index].validUntil <= now {
                scores[index] = Self.random(&numbers, now: now)
            }
            let current = scores
            tournament.advance(to: now) { current[$0] }
            if Int.random(in: 0..<3, using: &numbers) == 0 {
                let index = Int.random(in: 0..<count, using: &numbers)
                scores[index] = Self.random(&numbers, now: now)
                tournament.update(index, scores[index], now: now)
            }
            let refused = Set(
                (0..<Int.random(in: 0...3, using: &numbers)).map { _ in Int.random(in: 0..<count, using: &numbers) })
            let expected = Self.best(scores, at: now) { !refused.contains($0) }
            let found = tournament.best(at: now) { !refused.contains($0) }
            // Rates that are the same to a rounding are both right.
            let rates = [expected, found].map { $0.map { scores[$0].rate(at: now) } ?? -1 }
            #expect(expected == found || abs(rates[0] - rates[1]) < 1e-9)
        }
    }

    @Test func `the leader of those that give nothing is the one who opens first`() {
        let scores = [9, 4, 7].map { QuotaScore.unusable(until: $0 * 1000) }
        var tournament = KineticTournament(scores, now: 0)
        #expect(tournament.leader == 1)
        let best = tournament.best(at: 0) { _ in true }
        #expect(best == nil)
    }
}
