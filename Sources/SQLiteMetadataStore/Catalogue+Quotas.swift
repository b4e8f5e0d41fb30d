internal import GRDB
internal import Quota
internal import Rules
internal import Timekeeping

extension Catalogue {
    func quotas() throws -> [RuleName: [QuotaRecord]] {
        var quotas: [RuleName: [QuotaRecord]] = [:]
        let rows = try rows(
            """
            SELECT rule, account, egress, source, quota_limit, remaining, window, window_ends_at, blocked_until,
                observed_at
            FROM quota ORDER BY rule, account, egress
            """)
        for row in rows {
            // A rule whose name no longer could be one is no rule.
            guard let rule = try? RuleName(row[0] as String) else { continue }
            func moment(_ column: Int) -> Timestamp? {
                (row[column] as Int64?).map { Timestamp(milliseconds: $0) }
            }
            quotas[rule, default: []].append(
                QuotaRecord(
                    pair: QuotaPair(AccountName(row[1] as String), EgressName(row[2] as String)), source: row[3],
                    limit: row[4], remaining: row[5], window: (row[6] as Int64?).map { .milliseconds($0) },
                    windowEndsAt: moment(7), blockedUntil: moment(8),
                    observedAt: Timestamp(milliseconds: row[9])))
        }
        return quotas
    }

    func put(_ quotas: [RuleName: [QuotaRecord]], forgettingBefore oldest: Timestamp) throws {
        for (rule, records) in quotas {
            for record in records {
                try change(
                    """
                    INSERT OR REPLACE INTO quota (rule, account, egress, source, quota_limit, remaining, window,
                        window_ends_at, blocked_until, observed_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                    [
                        rule.description, record.pair.account.description, record.pair.egress.description,
                        record.source, record.limit, record.remaining, record.window?.wholeMilliseconds,
                        record.windowEndsAt?.milliseconds, record.blockedUntil?.milliseconds,
                        record.observedAt.milliseconds,
                    ])
            }
        }
        try change("DELETE FROM quota WHERE observed_at < ?", [oldest.milliseconds])
    }
}
