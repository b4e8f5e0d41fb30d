import Foundation
import HTTPSemantics
import NIOCore
import OCI
import RegistryTestKit
import Rules
import Testing
import Timekeeping
import Upstream

@testable import PullThroughCache

@Suite(.timeLimit(.minutes(2))) struct BlobPullTests {
    @Test
    func `fifty clients share one transfer, byte for byte, and the next one is a hit`() async throws {
        try await CacheFixture.withRunning { fixture in
            let content = TestContent.random(count: 3_000_000)
            fixture.registry.add(blob: content.bytes, to: "a/b")
            let stall = fixture.registry.inject(.stallBody(afterBytes: 1_000_000), for: .blobGets)
            try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
                for _ in 0..<50 { group.addTask { try await fixture.bytes("a/b", content.digest) } }
                try await stall.waitUntilHolding()
                stall.release()
                for try await bytes in group { #expect(bytes == content.bytes) }
            }
            #expect(fixture.registry.requestCount(matching: .blobGets) == 1)
            let hit = try await fixture.blob("a/b", content.digest)
            #expect(hit.size == 3_000_000)
            #expect(try await fixture.read(hit) == content.bytes)
            #expect(fixture.registry.requestCount(matching: .blobGets) == 1)
        }
    }

    @Test
    func `bytes are given out as they arrive`() async throws {
        try await CacheFixture.withRunning { fixture in
            let content = TestContent.random(count: 500_000)
            fixture.registry.add(blob: content.bytes, to: "a/b")
            let stall = fixture.registry.inject(.stallBody(afterBytes: 200_000), for: .blobGets)
            let answer = try await fixture.blob("a/b", content.digest)
            #expect(answer.size == 500_000)
            let early = try await fixture.read(answer, limit: 200_000)
            #expect(early == content.bytes.getSlice(at: 0, length: 200_000))
            // A range of a blob that is still on its way.
            let content2 = try #require(try await fixture.blob("a/b", content.digest).content)
            guard case .stored(_, let range) = try await content2.piece(at: 100_000, limit: 150_000) else {
                Issue.record("the range is not read from the growing file")
                return
            }
            #expect(range == 100_000..<150_000)
            stall.release()
            #expect(try await fixture.read(answer) == content.bytes)
        }
    }

    @Test
    func `a fill goes on after the client that caused it has left`() async throws {
        try await CacheFixture.withRunning { fixture in
            let content = TestContent.random(count: 500_000)
            fixture.registry.add(blob: content.bytes, to: "a/b")
            let stall = fixture.registry.inject(.stallBody(afterBytes: 200_000), for: .blobGets)
            let client = Task { try await fixture.bytes("a/b", content.digest) }
            try await stall.waitUntilHolding()
            client.cancel()
            await #expect(throws: (any Error).self) { try await client.value }
            stall.release()
            #expect(try await fixture.bytes("a/b", content.digest) == content.bytes)
            #expect(fixture.registry.requestCount(matching: .blobGets) == 1)
        }
    }

    @Test
    func `a broken transfer is resumed where it broke, and nobody notices`() async throws {
        try await CacheFixture.withRunning { fixture in
            let content = TestContent.random(count: 500_000)
            fixture.registry.add(blob: content.bytes, to: "a/b")
            fixture.registry.inject(.truncateBody(afterBytes: 200_000), for: .blobGets.first(1))
            let bytes = try await fixture.bytes("a/b", content.digest)
            #expect(bytes == content.bytes)
            let ranges = fixture.registry.requests(matching: .blobGets).map(\.range)
            #expect(ranges.count == 2 && ranges[0] == nil)
            let resumed = try #require(ranges[1].flatMap { RangeRequest($0) })
            guard case .from(let offset) = resumed else {
                Issue.record("the rest was not asked for")
                return
            }
            #expect((1...200_000).contains(offset))
        }
    }

    @Test
    func `an upstream that resumes at another byte than it was asked for is not believed`() async throws {
        try await CacheFixture.withRunning { fixture in
            let content = TestContent.random(count: 500_000)
            fixture.registry.add(blob: content.bytes, to: "a/b")
            fixture.registry.inject(.truncateBody(afterBytes: 200_000), for: .blobGets.first(1))
            fixture.registry.inject(.contentRange("bytes 5-499999/500000"), for: .blobGets)
            let answer = try await fixture.blob("a/b", content.digest)
            await #expect(throws: CacheError.self) { try await fixture.read(answer) }
        }
    }

    @Test
    func `an upstream without ranges is read anew from the start`() async throws {
        try await CacheFixture.withRunning { fixture in
            let content = TestContent.random(count: 500_000)
            fixture.registry.add(blob: content.bytes, to: "a/b")
            fixture.registry.inject(.truncateBody(afterBytes: 200_000), for: .blobGets.first(1))
            fixture.registry.inject(.ignoreRange, for: .blobGets)
            let bytes = try await fixture.bytes("a/b", content.digest)
            #expect(bytes == content.bytes)
        }
    }

    @Test(arguments: [
        ("one other byte at the end", Fault.corruptBody, 99_999), ("a page", .html(), 0),
        ("a length that is too long", .declareLength(100_001), 0),
        ("an endless body", .endlessBody, 100_000), ("the connection closes at once", .closeAtOnce, 0),
        ("401 for ever", .status(401), 0), ("429", .pullLimited(), 0), ("500", .status(500), 0),
    ])
    func `whatever an upstream does, no wrong byte is taken for a complete answer`(
        _ name: String, _ fault: Fault, _ limit: Int
    ) async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [100_000])
            _ = try await fixture.manifest("a/b", "v1")
            let layer = image.layers[0]
            let injected = fixture.registry.inject(fault, for: .blobGets)
            var received = 0
            do {
                let answer = try await fixture.blob("a/b", layer.digest)
                let content = try #require(answer.content)
                while let piece = try await content.piece(at: Int64(received), limit: .max) {
                    switch piece {
                    case .stored(_, let range): received = Int(range.upperBound)
                    case .bytes(let bytes): received += bytes.readableBytes
                    }
                }
                Issue.record("\(name): the answer ended as if it was complete")
            } catch is CacheError {
                #expect(received < 100_000, "\(name)")
            }
            fixture.registry.remove(injected)
            // Nothing of it stays: the next one gets it right.
            #expect(try await fixture.bytes("a/b", layer.digest) == layer.bytes, "\(name)")
        }
    }

    @Test
    func `a blob of another repository is served only after the upstream confirmed it for this one`() async throws {
        try await CacheFixture.withRunning(otherRules: ["second"]) { fixture in
            let image = fixture.registry.addSingleImage(repository: "private/app", tag: "v1", layerSizes: [10_000])
            let layer = image.layers[0]
            _ = try await fixture.manifest("private/app", "v1")
            _ = try await fixture.bytes("private/app", layer.digest)
            try await fixture.settle()
            fixture.registry.addSingleImage(repository: "public/app", tag: "v1")
            await #expect(throws: CacheError.blobUnknown) { try await fixture.blob("public/app", layer.digest) }
            await #expect(throws: CacheError.blobUnknown) {
                try await fixture.blob("public/app", layer.digest, isHead: true)
            }
            // Neither does another rule for the same host share rights.
            var second = fixture
            second.rule = Rule(name: try RuleName("second"))
            fixture.registry.forgetRequests()
            #expect(try await second.bytes("private/app", layer.digest) == layer.bytes)
            #expect(fixture.registry.requests(matching: .blobs).map(\.method) == ["HEAD"])
            #expect(try await second.bytes("private/app", layer.digest) == layer.bytes)
            #expect(fixture.registry.requestCount() == 1)
        }
    }

    @Test
    func `a HEAD causes no fill`() async throws {
        try await CacheFixture.withRunning { fixture in
            let image = fixture.registry.addSingleImage(repository: "a/b", tag: "v1", layerSizes: [10_000])
            _ = try await fixture.manifest("a/b", "v1")
            let answer = try await fixture.blob("a/b", image.layers[0].digest, isHead: true)
            #expect(answer.size == 10_000)
            #expect(answer.content == nil)
            #expect(fixture.registry.requestCount(matching: .blobGets) == 0)
        }
    }

    @Test(arguments: ["missing", "truncated", "altered"])
    func `a damaged file is a miss that heals`(_ damage: String) async throws {
        try await CacheFixture.withRunning { fixture in
            let content = TestContent.random(count: 100_000)
            fixture.registry.add(blob: content.bytes, to: "a/b")
            #expect(try await fixture.bytes("a/b", content.digest) == content.bytes)
            try await fixture.settle()
            let url = URL(fileURLWithPath: fixture.path(of: content.digest))
            switch damage {
            case "missing": try FileManager.default.removeItem(at: url)
            case "truncated":
                let handle = try FileHandle(forWritingTo: url)
                try handle.truncate(atOffset: 50_000)
                try handle.close()
            default:
                let handle = try FileHandle(forWritingTo: url)
                try handle.seek(toOffset: 50_000)
                try handle.write(contentsOf: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
                try handle.close()
            }
            #expect(try await fixture.bytes("a/b", content.digest) == content.bytes)
            #expect(fixture.registry.requestCount(matching: .blobGets) == 2)
            try await fixture.settle()
            #expect(try await fixture.bytes("a/b", content.digest) == content.bytes)
            #expect(fixture.registry.requestCount(matching: .blobGets) == 2)
        }
    }

    @Test
    func `an upstream takes no more transfers at once than allowed, and the others wait their turn`() async throws {
        let configuration = Configuration(fillsPerUpstream: 2, retries: CacheFixture.retries)
        try await CacheFixture.withRunning(configuration: configuration) { fixture in
            let contents = (0..<6).map { _ in TestContent.random(count: 10_000) }
            for content in contents { fixture.registry.add(blob: content.bytes, to: "a/b") }
            let stall = fixture.registry.inject(.stallBeforeHead, for: .blobGets)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for content in contents {
                    group.addTask {
                        let bytes = try await fixture.bytes("a/b", content.digest)
                        #expect(bytes == content.bytes)
                    }
                }
                try await stall.waitUntilHolding(2)
                while try await fixture.cache.report().waitingFills < 4 { await Task.yield() }
                #expect(fixture.registry.requestCount(matching: .blobGets) == 2)
                #expect(try await fixture.cache.report().runningFills == 2)
                stall.release()
                try await group.waitForAll()
            }
        }
    }
}
