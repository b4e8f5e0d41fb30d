internal import KademliaRouting

/// How a quantity is spread.
package struct Distribution: Sendable {
    /// In rising order.
    package let values: [Double]

    package init(_ values: [Double]) { self.values = values.sorted() }

    package var mean: Double { values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count) }
    package var max: Double { values.last ?? 0 }
    package var min: Double { values.first ?? 0 }

    /// - Parameter share: 0 for the least, 1 for the greatest.
    package func quantile(_ share: Double) -> Double {
        guard !values.isEmpty else { return 0 }
        return values[Swift.min(values.count - 1, Int(Double(values.count) * share))]
    }

    /// 0 where all are equal, near 1 where one has everything.
    package var gini: Double {
        let sum = values.reduce(0, +)
        guard sum > 0 else { return 0 }
        let weighted = values.enumerated().reduce(0) { $0 + Double($1.offset + 1) * $1.element }
        let count = Double(values.count)
        return (2 * weighted) / (count * sum) - (count + 1) / count
    }
}

/// What is counted while a simulation runs.
struct SimulationStatistics {
    var since = Duration.zero
    private(set) var findNode = 0
    private(set) var getProviders = 0
    private(set) var addProvider = 0
    var failedRequests = 0
    var connections = 0
    var sweepLookups = 0

    mutating func count(_ kind: KademliaMessage.Kind) {
        switch kind {
        case .findNode: findNode += 1
        case .getProviders: getProviders += 1
        case .addProvider: addProvider += 1
        case .ping, .getValue, .putValue: break
        }
    }
}

package struct SimulationReport {
    package let nodeCount: Int
    package let minutes: Double
    let statistics: SimulationStatistics
    /// Requests that each node was sent.
    package let received: Distribution
    package let records: Distribution
    package let tables: Distribution
    package let connections: Distribution

    private func rate(_ count: Int) -> Double { Double(count) / Double(max(nodeCount, 1)) / max(minutes, 0.001) }

    /// Of each node and minute.
    package var findNodeRate: Double { rate(statistics.findNode) }
    package var addProviderRate: Double { rate(statistics.addProvider) }
    package var getProvidersRate: Double { rate(statistics.getProviders) }
    package var connectionRate: Double { rate(statistics.connections) }
    package var failureRate: Double { rate(statistics.failedRequests) }
    package var messageRate: Double { findNodeRate + addProviderRate + getProvidersRate }
}
