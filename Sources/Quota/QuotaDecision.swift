package import Timekeeping

/// What is to be asked, and of whom rather not.
package struct QuotaRequest: Sendable, Hashable {
    package var purpose: QuotaPurpose
    /// Who pulled from this repository before: taken for what is not counted.
    package var preferring: AccountName?
    /// Who was refused for it.
    package var excluding: Set<AccountName>
    /// Which ways led nowhere a moment ago.
    package var avoiding: Set<EgressName>

    package init(
        _ purpose: QuotaPurpose, preferring: AccountName? = nil, excluding: Set<AccountName> = [],
        avoiding: Set<EgressName> = []
    ) {
        self.purpose = purpose
        self.preferring = preferring
        self.excluding = excluding
        self.avoiding = avoiding
    }
}

/// Leave to ask once, by one pair. Ends with ``QuotaLedger/settle(_:_:now:)``.
package struct QuotaReservation: Sendable, Hashable {
    package let pair: QuotaPair
    /// Nil where nothing is counted.
    let id: UInt64?
    let index: Int
}

/// Why nobody may ask now.
package struct QuotaRefusal: Sendable, Hashable {
    package enum Reason: String, Sendable, Hashable {
        /// The budgets are spent.
        case spent
        /// What is left is kept for first pulls.
        case reserved
        /// The addresses were asked for fewer requests.
        case slowed
        /// The accounts were refused.
        case refused
        /// Nobody is left to ask.
        case nobody
    }

    package var reason: Reason
    /// When asking makes sense again, at the latest; nil where nobody knows.
    package var until: Timestamp?
}

package enum QuotaDecision: Sendable, Hashable {
    case granted(QuotaReservation)
    case refused(QuotaRefusal)
}
