internal import OCI
internal import Rules
internal import Yams

/// Where a registry's API answers, as a rule names it.
struct RegistryAddress: Hashable {
    var usesTLS: Bool
    /// As written; `docker.io` in any of its names is not yet made into the API's host.
    var host: RegistryHost

    var description: String { usesTLS ? host.description : "http://\(host)" }
}

extension Format where Value == RegistryAddress {
    static var registry: Format {
        .scalar(
            "a registry: HOST, HOST:PORT or http://HOST:PORT", schema: JSONValue.typed("string"),
            show: { .string($0.description) }
        ) { text throws(ValueProblem) in try parseRegistry(text) }
    }
}

private func parseRegistry(_ text: String) throws(ValueProblem) -> RegistryAddress {
    var rest = text[...]
    var usesTLS = true
    if let scheme = rest.firstRange(of: "://") {
        switch rest[..<scheme.lowerBound].lowercased() {
        case "https": break
        case "http": usesTLS = false
        default: throw ValueProblem("has an unknown scheme; write HOST, https://HOST or http://HOST")
        }
        rest = rest[scheme.upperBound...]
    }
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    guard !rest.contains("@") else {
        throw ValueProblem("holds an account; give it as 'username' and 'accessToken' in place of the URL")
    }
    guard !rest.contains("/"), !rest.contains("?"), !rest.contains("#") else {
        throw ValueProblem("has a path; give the host alone, and a path within the registry as 'upstreamPrefix'")
    }
    let host = try parseHost(rest)
    // The scheme's own port is the same as none.
    if host.port == (usesTLS ? 443 : 80), let bare = try? RegistryHost(host.name) {
        return RegistryAddress(usesTLS: usesTLS, host: bare)
    }
    return RegistryAddress(usesTLS: usesTLS, host: host)
}

private func parseHost(_ text: some StringProtocol) throws(ValueProblem) -> RegistryHost {
    do throws(RegistryHostError) {
        return try RegistryHost(text)
    } catch {
        throw ValueProblem("is no registry: \(error)")
    }
}

extension Format where Value == RegistryHost {
    static var host: Format {
        .scalar("a host name, with a port if need be", schema: JSONValue.typed("string"), show: { .string("\($0)") }) {
            text throws(ValueProblem) in try parseHost(text)
        }
    }
}

/// Which registry's name a rule answers for.
enum HostClaim: Hashable {
    case none
    case host(RegistryHost)
}

extension Format where Value == HostClaim {
    static var hostClaim: Format {
        .scalar(
            "a registry's name as images are written with, or 'none'", schema: JSONValue.typed("string"),
            show: { claim in
                switch claim {
                case .none: .string("none")
                case .host(let host): .string("\(host)")
                }
            }
        ) { text throws(ValueProblem) in text == "none" ? .none : .host(try parseHost(text).canonical) }
    }
}

extension Format where Value == RepositoryName {
    static var repository: Format {
        .scalar("a repository path", schema: JSONValue.typed("string"), show: { .string("\($0)") }) {
            text throws(ValueProblem) in
            do throws(RepositoryNameError) {
                return try RepositoryName(text)
            } catch {
                throw ValueProblem("is no repository path: \(error)")
            }
        }
    }
}

/// `{serveStale: 7d}`.
private struct BoundedStaleness { var serveStale: Duration? }

extension Format where Value == OutagePolicy.Answer {
    /// `serve-stale`, `pass-on`, or `{serveStale: 7d}`.
    static var outageAnswer: Format {
        let word: Format = .scalar(
            "'serve-stale', 'pass-on' or {serveStale: DURATION}",
            schema: .object([.init("enum", .array([.string("serve-stale"), .string("pass-on")]))]),
            show: { $0 == .passOn ? .string("pass-on") : .string("serve-stale") }
        ) { text throws(ValueProblem) in
            switch text {
            case "serve-stale": return .serveStale(maximumAge: nil)
            case "pass-on": return .passOn
            default: throw ValueProblem("is neither 'serve-stale' nor 'pass-on' nor {serveStale: DURATION}")
            }
        }
        let bounded: Format<BoundedStaleness> = .group(
            [Setting("serveStale", \.serveStale, .duration(), "How long ago the upstream may last have confirmed it.")],
            { BoundedStaleness() })
        return Format(
            expectation: word.expectation,
            schema: .object([.init("oneOf", .array([word.schema, bounded.schema]))]),
            read: { node, _, reader in
                guard case .mapping = node else { return word.read(node, nil, &reader) }
                guard let bounded = bounded.read(node, nil, &reader) else { return nil }
                if case .mapping(let mapping) = node, mapping.isEmpty {
                    reader.report("expected {serveStale: DURATION}", at: node)
                }
                return bounded.serveStale.map { .serveStale(maximumAge: $0) }
            },
            show: { answer in
                guard case .serveStale(let age?) = answer else { return word.show(answer) }
                return bounded.show(BoundedStaleness(serveStale: age))
            })
    }
}
