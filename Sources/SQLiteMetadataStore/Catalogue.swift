internal import Foundation
internal import GRDB
internal import MetadataStore
internal import OCI
internal import Rules

/// The catalogue's operations on one connection, within one transaction. Blocks; used on GRDB's queues only.
///
/// Every statement is prepared once for each connection.
struct Catalogue {
    let db: Database

    func rows(_ sql: String, _ arguments: StatementArguments = []) throws -> [Row] {
        try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments)
    }

    func row(_ sql: String, _ arguments: StatementArguments = []) throws -> Row? {
        try Row.fetchOne(db.cachedStatement(sql: sql), arguments: arguments)
    }

    /// Runs a statement that changes rows; returns how many.
    @discardableResult
    func change(_ sql: String, _ arguments: StatementArguments = []) throws -> Int {
        try db.cachedStatement(sql: sql).execute(arguments: arguments)
        return db.changesCount
    }

    // MARK: Repositories

    func find(_ repository: RepositoryKey) throws -> Int64? {
        try row(
            "SELECT id FROM repository WHERE rule = ? AND name = ?",
            [repository.rule.description, repository.name.description]
        )?.integer(0)
    }

    func findOrAdd(_ repository: RepositoryKey) throws -> Int64 {
        if let id = try find(repository) { return id }
        try change(
            "INSERT INTO repository (rule, name) VALUES (?, ?)",
            [repository.rule.description, repository.name.description])
        return db.lastInsertedRowID
    }

    /// Removes the rows of repositories that hold nothing any more.
    func prune(repositories ids: some Sequence<Int64>) throws {
        for id in ids {
            try change(
                """
                DELETE FROM repository WHERE id = ?1
                    AND NOT EXISTS (SELECT 1 FROM manifest WHERE repository_id = ?1)
                    AND NOT EXISTS (SELECT 1 FROM tag WHERE repository_id = ?1)
                    AND NOT EXISTS (SELECT 1 FROM confirmation WHERE repository_id = ?1)
                """, [id])
        }
    }
}
