/// Decides what is done about certificates. A new authority is trusted for a while before it signs, and an old one for a
/// while after, so that at no moment an API server meets a certificate that it does not trust:
///
///     trusts A, served by A ─▶ trusts A+B, served by A ─▶ trusts B+A, served by B ─▶ trusts B, served by B
///                                └── overlap ──┘                └── overlap ──┘
package struct CertificatePlan: Sendable, Hashable {
    package var names: [String]
    package var authorityLifetime: Duration
    package var servingLifetime: Duration
    /// How long both are trusted before, and after, the change.
    package var overlap: Duration

    /// - Parameter names: the DNS names of the webhook's service.
    package init(
        names: [String], authorityLifetime: Duration = .seconds(365 * 86_400),
        servingLifetime: Duration = .seconds(90 * 86_400), overlap: Duration = .seconds(3600)
    ) {
        self.names = names
        self.authorityLifetime = authorityLifetime
        self.servingLifetime = servingLifetime
        self.overlap = overlap
    }

    /// The share of its life after which something is replaced.
    private static let renewalShare = 2.0 / 3

    /// What is to be kept in place of `state`; nil where nothing is to be done now.
    /// - Parameters:
    ///   - state: nil where there is none, or it cannot be read.
    ///   - isBundleKnown: whether every webhook configuration has the bundle of `state`.
    package func change(
        of state: CertificateState?, now: Int64, isBundleKnown: Bool, issuer: CertificateIssuer = CertificateIssuer()
    ) throws(CertificateFailure) -> CertificateState? {
        guard var state, let authority = CertificateFacts(pem: state.authority.certificate), now < authority.notAfter
        else { return try begun(now: now, issuer) }
        let serving = CertificateFacts(pem: state.servingCertificate)
        let isServing =
            serving.map { serving in
                serving.names == Set(names) && serving.isIssued(by: authority)
                    && !serving.isPast(Self.renewalShare, at: now)
            } ?? false
        if !isServing {
            try serve(&state, now: now, issuer)
            return state
        }
        if state.previous != nil, isOver(state.previousSince, now: now) {
            state.previous = nil
            state.previousSince = nil
            return state
        }
        guard let next = state.next else {
            guard state.previous == nil, authority.isPast(Self.renewalShare, at: now) else { return nil }
            state.next = try issuer.authority(now: now, lifetime: authorityLifetime)
            state.nextSince = now
            return state
        }
        guard isBundleKnown, isOver(state.nextSince, now: now) else { return nil }
        state.previous = state.authority.certificate
        state.previousSince = now
        state.authority = next
        state.next = nil
        state.nextSince = nil
        try serve(&state, now: now, issuer)
        return state
    }

    private func begun(now: Int64, _ issuer: CertificateIssuer) throws(CertificateFailure) -> CertificateState {
        let authority = try issuer.authority(now: now, lifetime: authorityLifetime)
        var state = CertificateState(authority: authority, servingCertificate: "", servingKey: "")
        try serve(&state, now: now, issuer)
        return state
    }

    /// A serving certificate never outlives its authority.
    private func serve(
        _ state: inout CertificateState, now: Int64, _ issuer: CertificateIssuer
    ) throws(CertificateFailure) {
        let left = CertificateFacts(pem: state.authority.certificate).map { Duration.seconds($0.notAfter - now) }
        let serving = try issuer.serving(
            names: names, by: state.authority, now: now, lifetime: min(servingLifetime, left ?? servingLifetime))
        state.servingCertificate = serving.certificate
        state.servingKey = serving.key
    }

    /// A moment that is unknown, or lies ahead since a clock was set back, begins now: waiting is safe.
    private func isOver(_ since: Int64?, now: Int64) -> Bool {
        guard let since, since <= now else { return false }
        return .seconds(now - since) >= overlap
    }
}
