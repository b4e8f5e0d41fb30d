import MetadataStore
import OCI
import Rules
import Testing
import Timekeeping

@testable import PullThroughCache

@Suite struct EvictionPlanTests {
    private func digest(_ name: String) -> Digest { DigestHasher.digest(of: name.utf8) }

    private func image(_ name: String, _ stored: [String: Int64], isPinned: Bool = false) throws -> ImageRecord {
        ImageRecord(
            repository: RepositoryKey(rule: try RuleName("hub"), name: try RepositoryName(name)),
            digest: digest(name), tags: [], mediaType: nil, lastPulledAt: Timestamp(seconds: 0), pullCount: 0,
            isPinned: isPinned, stored: Dictionary(uniqueKeysWithValues: stored.map { (digest($0.key), $0.value) }))
    }

    @Test
    func `the least recently pulled go first, and no more than needed`() throws {
        let images = [
            try image("a", ["1": 10]), try image("b", ["2": 20]), try image("c", ["3": 30]),
        ]
        let plan = EvictionPlan(images, bytesToFree: 15) { _ in false }
        #expect(plan.images == Array(images[..<2]))
        #expect(plan.freedBytes == 30)
        #expect(EvictionPlan(images, bytesToFree: 0) { _ in false }.images.isEmpty)
    }

    @Test
    func `a blob that two images share is free only when both are gone`() throws {
        let images = [try image("a", ["shared": 100, "1": 1]), try image("b", ["shared": 100, "2": 2])]
        #expect(EvictionPlan(images, bytesToFree: 1) { _ in false }.freedBytes == 1)
        let both = EvictionPlan(images, bytesToFree: 50) { _ in false }
        #expect(both.images.count == 2)
        #expect(both.freedBytes == 103)
        #expect(both.freedBlobs == 3)
    }

    @Test
    func `pinned and protected images stay, whatever is needed`() throws {
        let images = [
            try image("a", ["1": 10], isPinned: true), try image("b", ["2": 20]), try image("c", ["3": 30]),
        ]
        let plan = EvictionPlan(images, bytesToFree: 1000) { $0 == images[2] }
        #expect(plan.images == [images[1]])
        #expect(plan.freedBytes == 20)
    }

    @Test(
        arguments: [
            // cap, stored, total, available → to free
            (StoreLimit(cap: .bytes(1000)), 900, nil, nil, nil),
            (StoreLimit(cap: .bytes(1000)), 950, nil, nil, nil),
            (StoreLimit(cap: .bytes(1000)), 951, nil, nil, 101),
            (StoreLimit(cap: .percentOfFilesystem(50)), 400, 1000, 600, nil),
            (StoreLimit(cap: .percentOfFilesystem(50)), 400, 1000, 500, 60),
            // Others have nearly all of it: a tenth stays, and no more is driven out for nothing.
            (StoreLimit(cap: .percentOfFilesystem(50)), 10, 1000, 0, nil),
            (StoreLimit(cap: .percentOfFilesystem(50)), 400, 1000, 0, 315),
            (StoreLimit(cap: .percentOfFilesystem(50)), 400, nil, nil, nil),
            (StoreLimit(cap: .bytes(0)), 1, nil, nil, 1),
        ] as [(StoreLimit, Int64, Int64?, Int64?, Int64?)])
    func `the watermarks say when and how far`(
        _ limit: StoreLimit, _ stored: Int64, _ total: Int64?, _ available: Int64?, _ expected: Int64?
    ) {
        #expect(limit.excess(storedBytes: stored, totalBytes: total, availableBytes: available) == expected)
    }
}
