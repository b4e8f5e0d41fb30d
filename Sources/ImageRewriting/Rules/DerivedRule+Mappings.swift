internal import OCI
internal import Rules

/// That images whose whole name begins with `from` are pulled under `to` and the rest of the name.
package struct PrefixMapping: Sendable, Hashable {
    /// `ghcr.io/`, `quay.io/team/`; never without the registry.
    package let from: String
    /// `weir:5000/ghcr.io/`
    package let to: String

    package init(from: String, to: String) {
        self.from = from
        self.to = to
    }

    /// Whether short names (`nginx`, `grafana/grafana`) belong to it as well.
    package var isDockerHub: Bool { from == "docker.io/" }
}

extension DerivedRule {
    /// The rule as a list of prefixes, for policies that can do no more than compare texts; in the table's order.
    package var mappings: [PrefixMapping] {
        table.rules.compactMap { rule in
            guard let host = rule.host else { return nil }
            // What follows the prefix is taken as it is, so that one image tells for all. It has three parts, so that
            // it is nobody's short name.
            let rest = "weir-sample/of/any-name"
            let part = rule.upstreamPrefix.map { ["\(host.canonical)/\($0)/"] } ?? []
            for from in ["\(host.canonical)/"] + part {
                guard let image = try? WrittenImage(from + rest), let result = result(for: image),
                    result.hasSuffix(rest)
                else { continue }
                return PrefixMapping(from: from, to: String(result.dropLast(rest.count)))
            }
            return nil
        }
    }
}
