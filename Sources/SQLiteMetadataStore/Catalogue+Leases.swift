internal import GRDB
internal import MetadataStore
internal import OCI
internal import Rules
internal import Timekeeping

extension Catalogue {
    func putLeases(_ references: [PinRecord], holder: String, until expiry: Timestamp) throws {
        for lease in references {
            try change(
                """
                INSERT INTO lease (rule, name, reference, holder, expires_at) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET expires_at = excluded.expires_at
                """,
                [
                    lease.repository.rule.description, lease.repository.name.description, lease.reference.stored,
                    holder,
                    expiry.milliseconds,
                ])
        }
    }

    func removeLeases(of holder: String?, endingBefore moment: Timestamp) throws {
        if let holder {
            try change("DELETE FROM lease WHERE expires_at < ? AND holder = ?", [moment.milliseconds, holder])
        } else {
            try change("DELETE FROM lease WHERE expires_at < ?", [moment.milliseconds])
        }
    }

    func leases(in repository: RepositoryKey?) throws -> [LeaseRecord] {
        let columns = "SELECT rule, name, reference, holder, expires_at FROM lease"
        let order = "ORDER BY rule, name, reference, holder"
        let found =
            if let repository {
                try rows(
                    "\(columns) WHERE rule = ? AND name = ? \(order)",
                    [repository.rule.description, repository.name.description])
            } else {
                try rows("\(columns) \(order)")
            }
        return try found.map { row in
            LeaseRecord(
                repository: try RepositoryKey(storedRule: row.text(0), name: row.text(1)),
                reference: try ManifestReference(stored: row.value(2)), holder: try row.text(3),
                expiresAt: try row.timestamp(4))
        }
    }
}
