/// When the bootstrap is to be asked again.
///
/// At once and then ever more slowly while nobody is known; more slowly from the start where few peers are known and some
/// were lost, since it may name those that have taken their place; seldom else. Of large networks nobody asks it for lost
/// peers, and all who ask differ by chance: it is few machines for many.
package struct BootstrapPace: Sendable {
    package enum Situation: Sendable, Hashable {
        case alone
        /// Few are known, and some were lost.
        case hurt
        case well
    }

    private let aloneMin: Duration
    private let aloneMax: Duration
    private let hurtMin: Duration
    private let regular: Duration
    private var alone: Duration
    private var hurt: Duration
    private var askedAt: Duration?
    private var chance = 1.0

    package init(_ configuration: KademliaConfiguration) {
        aloneMin = configuration.bootstrapBackoff
        aloneMax = configuration.bootstrapBackoffMax
        hurtMin = configuration.bootstrapHurtInterval
        regular = configuration.bootstrapInterval
        alone = aloneMin
        hurt = hurtMin
    }

    /// It was asked, and this is how it is now.
    /// - Parameter chance: from 0.75 to 1.25.
    package mutating func asked(_ situation: Situation, chance: Double, now: Duration) {
        alone = situation == .alone && askedAt != nil ? min(alone * 2, aloneMax) : aloneMin
        hurt = situation == .hurt && askedAt != nil ? min(hurt * 2, regular) : hurtMin
        (askedAt, self.chance) = (now, chance)
    }

    /// In the past where it is time already.
    package func due(_ situation: Situation) -> Duration {
        let pause =
            switch situation {
            case .alone: alone
            case .hurt: hurt
            case .well: regular
            }
        return askedAt.map { $0 + pause * chance } ?? .zero
    }
}
