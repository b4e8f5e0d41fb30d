/// What of a request's `Cache-Control` or `Pragma` matters here. RFC 9111, 5.2.1.
package struct CacheControl: Sendable, Hashable {
    /// `no-cache`, or `max-age=0`: the client wants the answer confirmed by the upstream.
    package var requiresRevalidation: Bool
    /// `only-if-cached`: the client wants no upstream asked.
    package var onlyIfCached: Bool

    /// How many directives are read of one field.
    private static let directiveLimit = 32

    package init(_ field: some StringProtocol) {
        requiresRevalidation = false
        onlyIfCached = false
        for directive in field.split(separator: ",", maxSplits: Self.directiveLimit).prefix(Self.directiveLimit) {
            switch trimmed(directive).lowercased() {
            case "no-cache", "max-age=0": requiresRevalidation = true
            case "only-if-cached": onlyIfCached = true
            default: continue
            }
        }
    }
}
