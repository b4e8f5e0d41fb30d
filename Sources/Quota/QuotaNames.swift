/// What an account is called in the configuration. Never a secret, and never what the registry knows it by.
package struct AccountName: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let description: String

    /// Requests without an account.
    package static let anonymous = AccountName("anonymous")
    /// The account of a rule that names one alone.
    package static let single = AccountName("default")

    package init(_ text: String) { description = text }

    package static func < (left: AccountName, right: AccountName) -> Bool { left.description < right.description }
}

/// A local address or an interface that requests leave by.
package struct EgressName: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let description: String

    /// Whichever address the system chooses.
    package static let system = EgressName("system")

    package init(_ text: String) { description = text }

    package static func < (left: EgressName, right: EgressName) -> Bool { left.description < right.description }
}

/// One way to ask: an account, and the address that the upstream sees. Both may be what the upstream counts.
package struct QuotaPair: Sendable, Hashable, CustomStringConvertible {
    package var account: AccountName
    package var egress: EgressName

    package init(_ account: AccountName, _ egress: EgressName) {
        self.account = account
        self.egress = egress
    }

    package var description: String { "\(account) by \(egress)" }
}
