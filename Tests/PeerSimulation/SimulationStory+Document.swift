extension SimulationStory {
    /// The report, as it stands in the documentation.
    package var document: String {
        let joined = configuration.joinTime.components.seconds / 60
        return """
            # A simulation of \(configuration.nodeCount) peers

            Written by `make simulate-peers`. The table, the look-ups, the records and the sweep are the product's own; messages
            take 0.2 to 2 ms, a node that is gone is noticed after 5 s, time is virtual. \(configuration.nodeCount) nodes start within
            \(joined) minutes, each tells \(configuration.keysPerNode) keys that nobody else has, and nodes look for each other's. From minute
            \(Self.churnFrom) to \(Self.churnTo), 30 % of the nodes go without a word and as many new ones come.

            ![found, hops and load](peers-simulation.svg)

            | Looking for a key that one node has | median | p99 | most |
            |---|---|---|---|
            | hops | \(row(findings.hops, digits: 0)) |
            | requests | \(row(findings.requests, digits: 0)) |
            | virtual time, ms | \(row(Distribution(findings.time.values.map { $0 * 1000 }), digits: 1)) |

            Found: \(findings.found) of \(findings.found + findings.missed).

            | Per node | mean | p99 | most | Gini |
            |---|---|---|---|---|
            | records held (20 × \(configuration.keysPerNode) were told for each) | \(spread(steady.records)) |
            | peers in the table | \(spread(steady.tables)) |
            | connections | \(spread(steady.connections)) |
            | requests received, a minute | \(spread(perMinute(steady))) |

            | Sent by a node in a minute | steady | with churn |
            |---|---|---|
            | FIND_NODE | \(pair(\.findNodeRate)) |
            | ADD_PROVIDER | \(pair(\.addProviderRate)) |
            | GET_PROVIDERS (of the measurement) | \(pair(\.getProvidersRate)) |
            | in all | \(pair(\.messageRate)) |
            | of them to nodes that are gone | \(pair(\.failureRate)) |
            | new connections | \(pair(\.connectionRate)) |

            | Minute | | found | hops, mean | p99, s |
            |---|---|---|---|---|
            \(stretches.map(line).joined(separator: "\n"))

            Who waits for a peer that is gone waits 5 s here, which is where the times with churn come from; the look-up asks ten
            at once, so most find before.

            """
    }

    private func line(_ stretch: Stretch) -> String {
        "| \(stretch.minute) | \(stretch.isChurning ? "churn" : "") | \(text(100 * stretch.share, 2)) % "
            + "| \(text(stretch.hops.mean, 2)) | \(text(stretch.time.quantile(0.99), 3)) |"
    }

    private func row(_ values: Distribution, digits: Int) -> String {
        [values.quantile(0.5), values.quantile(0.99), values.max].map { text($0, digits) }.joined(separator: " | ")
    }

    private func spread(_ values: Distribution) -> String {
        [values.mean, values.quantile(0.99), values.max].map { text($0, 1) }.joined(separator: " | ")
            + " | \(text(values.gini, 2))"
    }

    private func perMinute(_ report: SimulationReport) -> Distribution {
        Distribution(report.received.values.map { $0 / max(report.minutes, 0.001) })
    }

    private func pair(_ rate: KeyPath<SimulationReport, Double>) -> String {
        "\(text(steady[keyPath: rate], 2)) | \(text(churning[keyPath: rate], 2))"
    }

    func text(_ value: Double, _ digits: Int) -> String {
        let scale = (0..<digits).reduce(1) { power, _ in power * 10 }
        let rounded = Int((value * Double(scale)).rounded())
        guard digits > 0 else { return "\(rounded)" }
        let fraction = "\(abs(rounded) % scale)"
        let zeros = String(repeating: "0", count: digits - fraction.count)
        return "\(rounded < 0 ? "-" : "")\(abs(rounded) / scale).\(zeros)\(fraction)"
    }
}
