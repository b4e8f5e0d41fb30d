/// Keeps the best of many scores that change with time, without looking at all of them.
///
/// A tournament whose every match knows until when its winner stays the winner: windows that end sooner overtake
/// others at moments that can be told beforehand. A change of one score, or the passing of such a moment, costs the
/// matches on one way to the top. (Basch, Guibas and Hershberger, "Data structures for mobile data".)
struct KineticTournament: Sendable {
    private(set) var scores: [QuotaScore]
    /// The first leaf: a power of two.
    private let base: Int
    /// Of each match, 1 being the final; -1: nobody.
    private var winners: [Int32]
    /// Until when each match stands, in milliseconds.
    private var standsUntil: [Int64]
    /// Matches and leaves looked at so far; for tests, which bound the work rather than measure time.
    private(set) var steps = 0

    /// - Parameter scores: of `now`.
    init(_ scores: [QuotaScore], now: Int64) {
        self.scores = scores
        var base = 1
        while base < scores.count { base *= 2 }
        self.base = base
        winners = Array(repeating: -1, count: 2 * base)
        standsUntil = Array(repeating: .max, count: 2 * base)
        for index in scores.indices {
            winners[base + index] = Int32(index)
            standsUntil[base + index] = scores[index].validUntil
        }
        for node in stride(from: base - 1, to: 0, by: -1) { play(node, now: now) }
    }

    mutating func update(_ index: Int, _ score: QuotaScore, now: Int64) {
        scores[index] = score
        var node = base + index
        standsUntil[node] = score.validUntil
        while node > 1 {
            node /= 2
            play(node, now: now)
        }
    }

    /// Whether every match stands.
    func stands(at now: Int64) -> Bool { now < standsUntil[1] }

    /// Brings every match that no longer stands up to `now`.
    /// - Parameter evaluate: the score, at `now`, of one whose time is over.
    mutating func advance(to now: Int64, evaluate: (Int) -> QuotaScore) {
        if !scores.isEmpty { advance(1, to: now, evaluate) }
    }

    private mutating func advance(_ node: Int, to now: Int64, _ evaluate: (Int) -> QuotaScore) {
        guard standsUntil[node] <= now else { return }
        steps += 1
        if node >= base {
            let score = evaluate(node - base)
            scores[node - base] = score
            standsUntil[node] = score.validUntil
            return
        }
        advance(2 * node, to: now, evaluate)
        advance(2 * node + 1, to: now, evaluate)
        play(node, now: now)
    }

    /// The best that is accepted; nil where none can be had. ``advance(to:evaluate:)`` comes first.
    /// - Parameter accepts: refuses few, for each of whom the matches on its way are looked at.
    mutating func best(at now: Int64, where accepts: (Int) -> Bool) -> Int? {
        scores.isEmpty ? nil : best(1, at: now, where: accepts)
    }

    private mutating func best(_ node: Int, at now: Int64, where accepts: (Int) -> Bool) -> Int? {
        steps += 1
        let winner = Int(winners[node])
        guard winner >= 0, scores[winner].rank > 0 else { return nil }
        if accepts(winner) { return winner }
        guard node < base else { return nil }
        let left = best(2 * node, at: now, where: accepts)
        let right = best(2 * node + 1, at: now, where: accepts)
        guard let left, let right else { return left ?? right }
        return scores[right].isBetter(than: scores[left], at: now) ? right : left
    }

    /// Who is best, usable or not: of those who are not, the one who is again first.
    var leader: Int? { scores.isEmpty ? nil : Int(winners[1]) }

    private mutating func play(_ node: Int, now: Int64) {
        steps += 1
        let (left, right) = (Int(winners[2 * node]), Int(winners[2 * node + 1]))
        var stands = min(standsUntil[2 * node], standsUntil[2 * node + 1])
        if right < 0 {
            winners[node] = Int32(left)
        } else {
            let rightWins = scores[right].isBetter(than: scores[left], at: now)
            let (winner, loser) = rightWins ? (right, left) : (left, right)
            winners[node] = Int32(winner)
            stands = min(stands, scores[winner].overtaken(by: scores[loser], after: now))
        }
        standsUntil[node] = stands
    }
}
