import MetadataStore
import OCI
import Rules
import Timekeeping

extension NaiveCatalogue {
    func record(spend: [SpendRecord]) async throws(MetadataStoreError) { with { $0.spend += spend } }

    func spend(
        by grouping: SpendGrouping, since: Timestamp, limit: Int
    ) async throws(MetadataStoreError) -> [SpendSum] {
        let records = with { $0.spend.filter { $0.hour >= since } }
        let groups = Dictionary(grouping: records) { record in
            switch grouping {
            case .client: "\(record.spender)"
            case .repository: "\(record.rule) \(record.repository?.description ?? "")"
            case .rule: "\(record.rule)"
            case .tag: "\(record.rule) \(record.repository?.description ?? "") \(record.reference ?? "")"
            case .hour: "\(record.hour.milliseconds)"
            case .namespace: "\(String(describing: record.spender.ofNamespace)) \(record.spender.namespace ?? "")"
            }
        }
        let sums = groups.values.map { records in
            let first = records[0]
            let isNamed = grouping == .repository || grouping == .tag
            return SpendSum(
                hour: grouping == .hour ? first.hour : nil,
                spender: grouping == .client
                    ? first.spender : grouping == .namespace ? first.spender.ofNamespace : nil,
                namespace: grouping == .namespace ? first.spender.namespace : nil,
                rule: isNamed || grouping == .rule ? first.rule : nil, repository: isNamed ? first.repository : nil,
                reference: grouping == .tag ? first.reference : nil, pulls: records.reduce(0) { $0 + $1.pulls },
                refused: records.reduce(0) { $0 + $1.refused }, lastHour: records.map(\.hour).max() ?? first.hour)
        }
        let sorted = sums.sorted { left, right in
            if let leftHour = left.hour, let rightHour = right.hour { return leftHour < rightHour }
            return (left.pulls, left.refused) > (right.pulls, right.refused)
        }
        return Array(sorted.prefix(limit))
    }

    func removeSpend(before moment: Timestamp) async throws(MetadataStoreError) {
        with { $0.spend.removeAll { $0.hour < moment } }
    }
}

extension Spender {
    fileprivate var namespace: String? { if case .client(_, _, let namespace) = self { namespace } else { nil } }

    /// Itself, unless it is a client.
    fileprivate var ofNamespace: Spender? { if case .client = self { nil } else { self } }
}
