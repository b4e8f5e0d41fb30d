/// What to do with an answer that may be a redirect. RFC 9110, 15.4.
package enum RedirectDecision: Sendable, Hashable {
    /// It is none.
    case answer
    /// - Parameter keepsAuthorization: false as soon as scheme, host or port differ from where the request came from:
    ///   the credentials are for that origin alone.
    case follow(WebAddress, keepsAuthorization: Bool)
    case refuse(reason: String)

    /// Decides by the addresses alone; whether the target's network may be contacted is judged afterwards, by
    /// ``AddressPolicy``.
    /// - Parameter followed: how many redirects led here.
    package static func decide(
        status: Int, location: String?, from current: WebAddress, isRead: Bool, followed: Int, limit: Int
    ) -> RedirectDecision {
        guard [301, 302, 303, 307, 308].contains(status) else { return .answer }
        guard isRead else { return .refuse(reason: "only GET and HEAD are redirected") }
        guard followed < limit else { return .refuse(reason: "there were more than \(limit) in a row") }
        guard let location else { return .refuse(reason: "it names no target") }
        let target: WebAddress
        do { target = try WebAddress(location, relativeTo: current) } catch { return .refuse(reason: "\(error)") }
        if current.scheme == .https, target.scheme == .http {
            return .refuse(reason: "it leads from https to http")
        }
        return .follow(target, keepsAuthorization: target.hasSameOrigin(as: current))
    }
}

/// Which networks an upstream may send us to.
package enum AddressPolicy {
    /// What connections to `target` may lead to, or nil where they are refused.
    ///
    /// Public addresses always; others only of the classes that the rule's own host is of, since whoever may name a
    /// host there reaches it anyway. Cloud metadata never.
    package static func allowed(target: AddressClass, upstream: AddressClass) -> AddressClass? {
        let allowed = upstream.union(.publicNetwork).subtracting([.metadata, .unspecified, .multicast])
        return !target.isEmpty && target.isSubset(of: allowed) ? allowed : nil
    }
}
