package import Timekeeping

/// How a source stands, for reports, metrics and log lines. Holds no secret.
package struct CredentialReport: Sendable, Hashable {
    package enum Condition: String, Sendable, Hashable, CaseIterable {
        /// Nobody has asked it yet.
        case unused
        case good
        /// What it gave is good still; getting new ones fails.
        case renewalFails = "renewal-fails"
        /// What it gave runs out soon, and there is no failure: nobody asks for it.
        case aboutToExpire = "about-to-expire"
        /// What it gave has run out, and there is nothing new.
        case expired
        /// The registry refused what it gave, or the cloud refused to give anything.
        case refused
        /// It gave nothing so far.
        case failing
    }

    /// ``CredentialSource/origin``.
    package var origin: String
    package var condition: Condition
    /// When what it holds runs out; nil where it does not, or nobody says when.
    package var expiresAt: Timestamp?
    /// When it last got something.
    package var obtainedAt: Timestamp?
    /// Why the last attempt gave nothing; nil where it gave something.
    package var failure: CredentialError?
    /// When it will try again; nil where the next login makes it try.
    package var nextAttemptAt: Timestamp?

    package init(
        origin: String, condition: Condition, expiresAt: Timestamp? = nil, obtainedAt: Timestamp? = nil,
        failure: CredentialError? = nil, nextAttemptAt: Timestamp? = nil
    ) {
        self.origin = origin
        self.condition = condition
        self.expiresAt = expiresAt
        self.obtainedAt = obtainedAt
        self.failure = failure
        self.nextAttemptAt = nextAttemptAt
    }

    /// Whether somebody has to do something about it.
    package var needsAttention: Bool {
        switch condition {
        case .unused, .good, .aboutToExpire: false
        case .renewalFails, .expired, .refused, .failing: true
        }
    }
}
