import Foundation
import GRDB
import MetadataStore
import MetadataStoreConformance
import OCI
import Rules
import Testing
import Timekeeping

@testable import SQLiteMetadataStore

@Suite struct `Query plans` {
    /// Tables that a statement may read from end to end: those of one row, repositories (there are few),
    /// what a recursive query builds, and those that are read in an index's order until a limit is reached.
    private static let permitted = [
        "SCAN total", "SCAN above", "SCAN member", "SCAN CONSTANT ROW", "SCAN manifest USING INDEX manifest_image",
        "SCAN absence USING COVERING INDEX absence_expiry", "SCAN repository",
    ]

    /// Runs everything that pulls and collection do, and collects the statements.
    private func statements(_ body: (Catalogue) throws -> Void) throws -> Set<String> {
        let queue = try DatabaseQueue()
        try CatalogueSchema.migrator.migrate(queue)
        return try queue.write { db in
            var statements: Set<String> = []
            db.trace(options: .statement) { event in
                if case .statement(let statement) = event { statements.insert(statement.sql) }
            }
            try body(Catalogue(db: db))
            db.trace(options: .statement, nil)
            return statements.filter { !$0.hasPrefix("--") && !$0.hasPrefix("BEGIN") }
        }
    }

    private func plan(of statements: Set<String>) throws -> [(statement: String, step: String)] {
        let queue = try DatabaseQueue()
        try CatalogueSchema.migrator.migrate(queue)
        return try queue.read { db in
            try statements.flatMap { sql in
                let statement = try db.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
                // What is not bound is null; the plan is the same.
                statement.setUncheckedArguments([])
                return try Row.fetchAll(statement).map { (sql, $0["detail"] as String) }
            }
        }
    }

    @Test func `no statement on the way of a pull or a collection reads a table from end to end`() throws {
        let repository = try Samples.repository("a")
        let child = try SampleManifest.image(1, config: 10, layers: [11], subject: Samples.digest(9))
        let index = try SampleManifest.index(2, of: [child.digest])
        let moment = Samples.moment(0)
        let tag = TagRecord(
            repository: repository, tag: .latest, digest: index.digest, mediaType: nil, size: nil, checkedAt: moment)
        let executed = try statements { catalogue in
            for manifest in [child, index] {
                try catalogue.put(
                    manifest.record(in: repository, fetchedAt: moment), contents: manifest.contents)
            }
            try catalogue.put(tag)
            _ = try catalogue.tag(.latest, in: repository)
            _ = try catalogue.manifest(Samples.digest(5), in: repository)
            try catalogue.confirm(blob: Samples.digest(11), size: 1, in: repository, at: moment)
            _ = try catalogue.membership(of: Samples.digest(11), in: repository)
            try catalogue.put(BlobRecord(digest: Samples.digest(11), size: 1, storedAt: moment, usedAt: moment))
            for expiry in [moment, moment, nil] {
                try catalogue.putAbsence(of: .tag(.latest), in: repository, until: expiry, limit: 0)
            }
            _ = try catalogue.absence(of: .tag(.latest), in: repository)
            try catalogue.record(
                PullRecord(
                    repository: repository, digest: child.digest, content: .manifest, lastPulledAt: moment, count: 1))
            _ = try catalogue.tags(in: repository, after: .latest, limit: 5)
            _ = try catalogue.repositories(after: repository, limit: 5)
            _ = try catalogue.referrers(of: Samples.digest(9), in: repository)
            _ = try catalogue.statistics()
            try catalogue.setPin(true, on: .tag(.latest), in: repository)
            for isNewestFirst in [false, true] {
                _ = try catalogue.images(limit: 5, isNewestFirst: isNewestFirst)
            }
            _ = try catalogue.image(.tag(.latest), in: repository)
            _ = try catalogue.blobs(after: nil, limit: 5)
            _ = try catalogue.manifests(in: repository, after: nil, limit: 5)
            _ = try catalogue.unreferencedBlobs(usedBefore: 5, limit: 5)
            _ = try catalogue.isUnreferenced(blob: Samples.digest(11))
            _ = try catalogue.removeUnreferenced(blob: Samples.digest(11))
            _ = try catalogue.removeImage(index.digest, in: repository)
            try catalogue.forget(blob: Samples.digest(11))
            try catalogue.removeManifest(child.digest, in: repository)
            try catalogue.record(
                spend: SpendRecord(
                    hour: moment, spender: .others, rule: repository.rule, repository: repository.name,
                    reference: "latest", pulls: 1, refused: 0))
            try catalogue.removeSpend(before: moment)
        }
        #expect(executed.count > 30)
        for (statement, step) in try plan(of: executed) where step.hasPrefix("SCAN") {
            #expect(Self.permitted.contains { step.hasPrefix($0) }, "\(step) in \(statement)")
        }
        for (statement, step) in try plan(of: executed) where step.contains("TEMP B-TREE") {
            // Only what belongs to a single image is sorted.
            #expect(
                statement.contains("member") || statement.contains("FROM edge WHERE manifest_id = ?"),
                "\(step) in \(statement)")
        }
    }

    @Test func `no trigger reads a table from end to end`() throws {
        let queue = try DatabaseQueue()
        try CatalogueSchema.migrator.migrate(queue)
        let triggers = try queue.read { db in
            try String.fetchAll(db, sql: "SELECT sql FROM sqlite_master WHERE type = 'trigger'")
        }
        #expect(triggers.count == 14)
        var statements: Set<String> = []
        for trigger in triggers {
            let begin = try #require(trigger.firstRange(of: "BEGIN"))
            let body = trigger[begin.upperBound...].replacing(/(NEW|OLD)\.[a-z_]+/, with: "?")
            for statement in body.split(separator: ";").map({ $0.trimmingCharacters(in: .whitespacesAndNewlines) })
            where statement != "END" { statements.insert(statement) }
        }
        #expect(statements.count > 12)
        for (statement, step) in try plan(of: statements) where step.hasPrefix("SCAN") {
            #expect(step == "SCAN total", "\(step) in \(statement)")
        }
    }
}
