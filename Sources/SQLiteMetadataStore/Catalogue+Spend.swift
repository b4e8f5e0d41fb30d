internal import GRDB
internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping

// Who spent which pulls.
extension Catalogue {
    /// Kept by the hour, so that a month of a busy cache is some hundred thousand rows.
    static let spendTable = """
        -- hour: its beginning, in milliseconds since 1970.
        -- kind: 0 a client (spender: its address, user: its name or nothing), 1 Weir itself (spender: the work),
        -- 2 others. repository and reference are empty for what is not told apart.
        CREATE TABLE spend (
            hour INTEGER NOT NULL,
            kind INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),
            spender TEXT NOT NULL,
            user TEXT NOT NULL,
            rule TEXT NOT NULL,
            repository TEXT NOT NULL,
            reference TEXT NOT NULL,
            pulls INTEGER NOT NULL,
            refused INTEGER NOT NULL,
            PRIMARY KEY (hour, rule, repository, reference, kind, spender, user)
        ) STRICT, WITHOUT ROWID;
        """

    /// namespace: of a client, the Kubernetes namespace that it pulls for; empty where that is not known. It is part of
    /// the key, so that the table is made anew.
    static let spendNamespaces = """
        CREATE TABLE spend_by_namespace (
            hour INTEGER NOT NULL,
            kind INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),
            spender TEXT NOT NULL,
            user TEXT NOT NULL,
            namespace TEXT NOT NULL,
            rule TEXT NOT NULL,
            repository TEXT NOT NULL,
            reference TEXT NOT NULL,
            pulls INTEGER NOT NULL,
            refused INTEGER NOT NULL,
            PRIMARY KEY (hour, rule, repository, reference, kind, spender, user, namespace)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO spend_by_namespace
            SELECT hour, kind, spender, user, '', rule, repository, reference, pulls, refused FROM spend;
        DROP TABLE spend;
        ALTER TABLE spend_by_namespace RENAME TO spend;
        """

    func record(spend record: SpendRecord) throws {
        let (kind, spender, user, namespace) = record.spender.stored
        try change(
            """
            INSERT INTO spend (hour, kind, spender, user, namespace, rule, repository, reference, pulls, refused)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET pulls = pulls + excluded.pulls, refused = refused + excluded.refused
            """,
            [
                record.hour.milliseconds, kind, spender, user, namespace, record.rule.description,
                record.repository?.description ?? "", record.reference ?? "", record.pulls, record.refused,
            ])
    }

    func removeSpend(before moment: Timestamp) throws {
        try change("DELETE FROM spend WHERE hour < ?", [moment.milliseconds])
    }

    func spend(by grouping: SpendGrouping, since: Timestamp, limit: Int) throws -> [SpendSum] {
        let columns =
            switch grouping {
            case .client: "kind, spender, user, namespace"
            case .namespace: "kind, CASE kind WHEN 1 THEN spender ELSE '' END, namespace"
            case .repository: "rule, repository"
            case .rule: "rule"
            case .tag: "rule, repository, reference"
            case .hour: "hour"
            }
        let order = grouping == .hour ? "hour" : "pulls DESC, refused DESC, \(columns)"
        return try rows(
            """
            SELECT sum(pulls) AS pulls, sum(refused) AS refused, max(hour), \(columns) FROM spend WHERE hour >= ?
            GROUP BY \(columns) ORDER BY \(order) LIMIT ?
            """, [since.milliseconds, max(0, limit)]
        ).map { try Self.sum($0, by: grouping) }
    }

    private static func sum(_ row: Row, by grouping: SpendGrouping) throws -> SpendSum {
        var sum = SpendSum(
            pulls: Int(clamping: try row.integer(0)), refused: Int(clamping: try row.integer(1)),
            lastHour: try row.timestamp(2))
        switch grouping {
        case .client:
            sum.spender = try Spender(
                storedKind: try row.integer(3), try row.text(4), user: try row.text(5), namespace: try row.text(6))
        case .namespace:
            // Clients of one namespace are one; what Weir does itself stays apart.
            let namespace = try row.text(5)
            sum.namespace = namespace.isEmpty ? nil : namespace
            let kind = try row.integer(3)
            if kind != 0 { sum.spender = try Spender(storedKind: kind, try row.text(4), user: "", namespace: "") }
        case .hour: sum.hour = try row.timestamp(3)
        case .rule: sum.rule = try rule(row)
        case .repository, .tag:
            sum.rule = try rule(row)
            sum.repository = try repository(row)
            if grouping == .tag {
                let text = try row.text(5)
                sum.reference = text.isEmpty ? nil : text
            }
        }
        return sum
    }

    private static func rule(_ row: Row) throws -> RuleName {
        do { return try RuleName(try row.text(3)) } catch { throw MalformedRow() }
    }

    private static func repository(_ row: Row) throws -> RepositoryName? {
        let text = try row.text(4)
        if text.isEmpty { return nil }
        do { return try RepositoryName(text) } catch { throw MalformedRow() }
    }
}

extension Spender {
    fileprivate var stored: (kind: Int, spender: String, user: String, namespace: String) {
        switch self {
        case .client(let address, let user, let namespace): (0, address, user ?? "", namespace ?? "")
        case .weir(let work): (1, work.rawValue, "", "")
        case .others: (2, "", "", "")
        }
    }

    fileprivate init(
        storedKind kind: Int64, _ spender: String, user: String, namespace: String
    ) throws(MalformedRow) {
        switch kind {
        case 0:
            self = .client(
                address: spender, user: user.isEmpty ? nil : user, namespace: namespace.isEmpty ? nil : namespace)
        case 1:
            guard let work = Work(rawValue: spender) else { throw MalformedRow() }
            self = .weir(work)
        case 2: self = .others
        default: throw MalformedRow()
        }
    }
}
