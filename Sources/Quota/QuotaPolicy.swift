/// What an operator decides of a rule's budgets.
package struct QuotaPolicy: Sendable, Hashable {
    /// A part of each budget.
    package enum Share: Sendable, Hashable {
        /// From 0 to 100, of the limit that the upstream announces; rounded up.
        case percent(Int)
        case pulls(Int64)

        package func pulls(of limit: Int64) -> Int64 {
            switch self {
            case .percent(let percent):
                let (whole, rest) = limit.quotientAndRemainder(dividingBy: 100)
                return whole * Int64(percent) + (rest * Int64(percent) + 99) / 100
            case .pulls(let count): return count
            }
        }
    }

    /// Kept for first pulls of images that were never cached; default 10 %.
    package var reserve: Share

    package init(reserve: Share = .percent(10)) { self.reserve = reserve }
}
