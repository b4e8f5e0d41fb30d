import GRDB
import Testing

@testable import SQLiteMetadataStore

@Suite struct MigrationTests {
    @Test func `books that were kept before there were namespaces are kept, under none`() throws {
        let queue = try DatabaseQueue()
        try CatalogueSchema.migrator.migrate(queue, upTo: "quotas")
        try queue.write { db in
            try db.execute(sql: "INSERT INTO spend VALUES (0, 0, '192.0.2.1', 'ci', 'hub', 'a', '1', 3, 1)")
        }
        try CatalogueSchema.migrator.migrate(queue)
        let row = try queue.read { db in
            try Row.fetchOne(db, sql: "SELECT spender, user, namespace, pulls, refused FROM spend")
        }
        #expect(
            row == ["spender": "192.0.2.1", "user": "ci", "namespace": "", "pulls": 3, "refused": 1])
    }
}
