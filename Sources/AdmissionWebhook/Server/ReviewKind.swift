/// What a path asks for.
package enum ReviewKind: String, Sendable, Hashable, CaseIterable {
    case mutate
    case validate

    /// `/webhook-v1-pod` is harbor-container-webhook's, so that its registration in a cluster can stay.
    init?(path: some StringProtocol) {
        switch path {
        case "/mutate", "/webhook-v1-pod": self = .mutate
        case "/validate": self = .validate
        default: return nil
        }
    }
}

/// A request's target, taken apart.
struct ReviewTarget {
    let path: Substring
    /// How long the API server waits, if it says so: `?timeout=10s` (the `timeoutSeconds` of its configuration).
    let timeout: Duration?

    init(_ uri: String) {
        let end = uri.firstIndex(of: "?") ?? uri.endIndex
        path = uri[..<end]
        let query = end == uri.endIndex ? "" : uri[uri.index(after: end)...]
        timeout = query.split(separator: "&").lazy.filter { $0.hasPrefix("timeout=") }.first.flatMap {
            Self.duration($0.dropFirst("timeout=".count))
        }
    }

    /// As Go writes a `time.Duration`: `10s`, `1m30s`, `1.5s`, `500ms`. Nil for anything else.
    static func duration(_ text: Substring) -> Duration? {
        var rest = text
        var total = Duration.zero
        guard !rest.isEmpty, text.utf8.count <= 32 else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            guard let number = Double(digits), number < 100_000 else { return nil }
            rest = rest[digits.endIndex...]
            let unit = rest.prefix { $0.isLetter }
            rest = rest[unit.endIndex...]
            switch unit {
            case "h": total += .seconds(number * 3600)
            case "m": total += .seconds(number * 60)
            case "s": total += .seconds(number)
            case "ms": total += .seconds(number / 1e3)
            case "us": total += .seconds(number / 1e6)
            case "ns": total += .seconds(number / 1e9)
            default: return nil
            }
        }
        return total
    }
}
