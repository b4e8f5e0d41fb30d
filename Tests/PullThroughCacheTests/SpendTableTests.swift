import MetadataStore
import OCI
import Rules
import Testing
import Timekeeping

@testable import PullThroughCache

struct SpendTableTests {
    private let now = Timestamp(seconds: 1_700_000_000)

    private func repository(_ name: String, rule: String = "hub") throws -> RepositoryKey {
        RepositoryKey(rule: try RuleName(rule), name: try RepositoryName(name))
    }

    private func client(_ number: Int) -> Spender { .client(address: "192.0.2.\(number)", user: nil) }

    @Test func `what is equal adds up, within its hour`() throws {
        var table = SpendTable()
        #expect(table.add(client(1), try repository("a"), reference: "1", pulls: 1, refused: 0, at: now))
        #expect(!table.add(client(1), try repository("a"), reference: "1", pulls: 1, refused: 1, at: now))
        #expect(
            table.add(
                client(1), try repository("a"), reference: "1", pulls: 1, refused: 0, at: now + .seconds(3600)))
        let records = table.take().sorted { $0.hour < $1.hour }
        #expect(records.map(\.pulls) == [2, 1])
        #expect(records.map(\.refused) == [1, 0])
        #expect(records.map(\.hour.seconds) == [1_699_999_200, 1_700_002_800])
        #expect(table.isEmpty)
        #expect(table.take() == [])
    }

    @Test(arguments: [(7_199_999, 3_600_000), (3_600_000, 3_600_000), (0, 0), (-1, -3_600_000)] as [(Int64, Int64)])
    func `an hour begins at its first moment`(_ moment: Int64, _ hour: Int64) {
        #expect(Timestamp(milliseconds: moment).hour == Timestamp(milliseconds: hour))
    }

    @Test func `clients and repositories beyond the bound share a bucket, and nothing is lost`() throws {
        var table = SpendTable(keyLimit: 10)
        for client in 0..<100 {
            for name in 0..<20 {
                table.add(
                    self.client(client), try repository("r\(name)"), reference: "t", pulls: 1, refused: 0, at: now)
            }
        }
        let records = table.take()
        #expect(records.count <= 21)
        #expect(records.reduce(0) { $0 + $1.pulls } == 2000)
        // The first client is known: what it pulls beyond the bound is still its own.
        let first = records.filter { $0.spender == client(0) }
        #expect(first.reduce(0) { $0 + $1.pulls } == 20)
        #expect(first.contains { $0.repository == nil && $0.pulls == 10 })
        #expect(records.first { $0.spender == .others }?.pulls == 1980)
        #expect(records.first { $0.spender == .others }?.rule == (try RuleName("hub")))
    }

    @Test func `the bound holds for an hour however often it is written down, and then anew`() throws {
        var table = SpendTable(keyLimit: 2)
        var names: Set<String> = []
        for number in 0..<50 {
            table.add(client(number), try repository("a"), reference: "t", pulls: 1, refused: 0, at: now)
            names.formUnion(table.take().map { "\($0.spender)" })
        }
        #expect(names.count == 3)
        table.add(client(77), try repository("a"), reference: "t", pulls: 1, refused: 0, at: now + .seconds(3600))
        #expect(table.take().first?.spender == client(77))
    }

    @Test func `what could not be written is kept, and counted as lost beyond the bound`() throws {
        var table = SpendTable(keyLimit: 4)
        var written: [SpendRecord] = []
        for hour in 0..<10 {
            for number in 0..<4 {
                table.add(
                    client(number), try repository("a"), reference: "t", pulls: 1, refused: 0,
                    at: now + .seconds(3600 * hour))
            }
            written = table.take()
            table.putBack(written)
        }
        #expect(written.count == 20)
        #expect(table.lostCount == 20)
    }
}
