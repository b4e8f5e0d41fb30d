import NIOCore
import OCI
import RegistryTestKit
import Testing
import Upstream

@testable import UpstreamClient

@Suite(.timeLimit(.minutes(2)))
struct BlobTests {
    private let blob = TestContent.random(count: 500_000)

    private func run(
        configure: (inout UpstreamClient.Configuration, TestRegistry) throws -> Void = { _, _ in },
        _ body: (Harness) async throws -> Void
    ) async throws {
        try await Harness.run(configure: configure) { harness in
            harness.registry.add(blob: blob.bytes, to: "library/nginx")
            try await body(harness)
        }
    }

    @Test func `a transfer says its size and where it begins`() async throws {
        try await run { harness in
            let whole = try await harness.client.blob(blob.digest, in: repository, from: 0)
            #expect(whole.offset == 0)
            #expect(whole.totalSize == 500_000)
            let rest = try await harness.client.blob(blob.digest, in: repository, from: 499_990)
            #expect(rest.offset == 499_990)
            #expect(rest.totalSize == 500_000)
            #expect(try await harness.client.wholeBlob(blob.digest, from: 499_990).readableBytes == 10)
            #expect(harness.registry.requests.last?.range == "bytes=499990-")
        }
    }

    @Test func `an upstream that ignores ranges starts over, and is believed`() async throws {
        try await run { harness in
            harness.registry.inject(.ignoreRange)
            let transfer = try await harness.client.blob(blob.digest, in: repository, from: 1000)
            #expect(transfer.offset == 0)
            #expect(transfer.totalSize == 500_000)
            #expect(try await harness.client.wholeBlob(blob.digest, from: 1000) == blob.bytes)
        }
    }

    @Test(arguments: ["bytes 0-499999/500000", "bytes 999-499999/500000", "pages 1-2/3", "bytes */500000", ""])
    func `a part that is not the one asked for is refused`(_ field: String) async throws {
        try await run { harness in
            harness.registry.inject(.contentRange(field))
            let error = await upstreamError { try await harness.client.wholeBlob(blob.digest, from: 1000) }
            guard case .malformedAnswer = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `a range beyond the end is told apart`() async throws {
        try await run { harness in
            let error = await upstreamError { try await harness.client.wholeBlob(blob.digest, from: 500_000) }
            #expect(error == .unexpectedStatus(416))
        }
    }

    @Test(
        arguments: [
            (200, nil, nil, 0, BlobExtent(offset: 0, length: nil, totalSize: nil)),
            (200, 10, nil, 5, BlobExtent(offset: 0, length: 10, totalSize: 10)),
            (206, 5, "bytes 5-9/10", 5, BlobExtent(offset: 5, length: 5, totalSize: 10)),
            (206, nil, "bytes 5-9/*", 5, BlobExtent(offset: 5, length: 5, totalSize: nil)),
            (206, 4, "bytes 5-9/10", 5, nil), (206, 5, nil, 5, nil), (206, 5, "bytes 4-8/10", 5, nil),
            (204, 0, nil, 0, nil),
        ] as [(Int, Int64?, String?, Int64, BlobExtent?)])
    func `an answer's extent is read or refused`(
        status: Int, length: Int64?, range: String?, offset: Int64, expected: BlobExtent?
    ) {
        let extent = try? BlobExtent(status: status, contentLength: length, contentRange: range, offset: offset)
        #expect(extent == expected)
    }

    @Test(arguments: [Fault.truncateBody(afterBytes: 100_000), .declareLength(600_000)])
    func `a body that ends early throws at its end, after every byte that came`(_ fault: Fault) async throws {
        try await run { harness in
            harness.registry.inject(fault)
            let stall = harness.registry.inject(.stallBody(afterBytes: 50_000))
            let transfer = try await harness.client.blob(blob.digest, in: repository, from: 0)
            var bytes = ByteBuffer()
            let error = await upstreamError {
                for try await piece in transfer.body {
                    bytes.writeImmutableBuffer(piece)
                    if bytes.readableBytes == 50_000 { stall.release() }
                }
            }
            #expect(error == .truncated)
            #expect(bytes.readableBytes >= 50_000)
            #expect(bytes == blob.bytes.getSlice(at: 0, length: bytes.readableBytes))
        }
    }

    @Test func `a chunked body that ends early throws`() async throws {
        try await run { harness in
            harness.registry.inject(.chunked)
            harness.registry.inject(.truncateBody(afterBytes: 70_000))
            #expect(await upstreamError { try await harness.client.wholeBlob(blob.digest) } == .truncated)
        }
    }

    @Test func `a part that stops before the blob's end throws`() async throws {
        try await run { harness in
            harness.registry.inject(.contentRange("bytes 499000-499999/999999"))
            #expect(
                await upstreamError { try await harness.client.wholeBlob(blob.digest, from: 499_000) } == .truncated)
        }
    }

    @Test func `a part that goes on beyond its range throws, where no length bounds it`() async throws {
        try await run { harness in
            harness.registry.inject(.chunked)
            harness.registry.inject(.contentRange("bytes 1000-1999/2000"))
            let error = await upstreamError { try await harness.client.wholeBlob(blob.digest, from: 1000) }
            #expect(error == .malformedAnswer(reason: "it is longer than it said"))
        }
    }

    @Test func `bytes beyond the announced length are never handed on`() async throws {
        try await run { harness in
            harness.registry.inject(.declareLength(1000))
            let cut = try await harness.client.wholeBlob(blob.digest)
            #expect(cut == blob.bytes.getSlice(at: 0, length: 1000))
            harness.registry.removeAllFaults()
            let whole = try await harness.client.wholeBlob(blob.digest)
            #expect(whole == blob.bytes)
        }
    }

    @Test(arguments: [Fault.chunked, .closeDelimited])
    func `a body without a length comes whole`(_ fault: Fault) async throws {
        try await run { harness in
            harness.registry.inject(fault)
            let transfer = try await harness.client.blob(blob.digest, in: repository, from: 0)
            #expect(transfer.totalSize == nil)
            #expect(try await harness.client.wholeBlob(blob.digest) == blob.bytes)
        }
    }

    @Test func `wrong bytes and pages are bytes, since the digest decides`() async throws {
        try await run { harness in
            let corruption = harness.registry.inject(.corruptBody)
            let corrupted = try await harness.client.wholeBlob(blob.digest)
            #expect(corrupted.readableBytes == blob.size)
            #expect(corrupted != blob.bytes)
            harness.registry.remove(corruption)
            harness.registry.inject(.html())
            #expect(String(buffer: try await harness.client.wholeBlob(blob.digest)).contains("<html>"))
        }
    }

    @Test func `a body that stalls times out`() async throws {
        try await run(configure: { configuration, _ in configuration.stallTimeout = .milliseconds(100) }) { harness in
            harness.registry.inject(.stallBody(afterBytes: 100_000))
            #expect(await upstreamError { try await harness.client.wholeBlob(blob.digest) } == .timedOut)
            try await harness.registry.waitForOpenConnections(atMost: 0)
        }
    }

    @Test func `a slow reader is not taken for a stalled upstream`() async throws {
        try await run(configure: { configuration, _ in configuration.stallTimeout = .seconds(1) }) { harness in
            let transfer = try await harness.client.blob(blob.digest, in: repository, from: 0)
            var iterator = transfer.body.makeAsyncIterator()
            var count = try await iterator.next()?.readableBytes ?? 0
            // Longer than the limit, and the upstream has more to give all the while: another transfer stalls for it.
            harness.registry.inject(.stallBody(afterBytes: 10), for: .blobGets)
            #expect(await upstreamError { try await harness.client.wholeBlob(blob.digest) } == .timedOut)
            while let piece = try await iterator.next() { count += piece.readableBytes }
            #expect(count == 500_000)
        }
    }

    @Test func `the upstream is read no faster than the reader reads`() async throws {
        try await run { harness in
            // More than the sockets of both sides may hold together on a machine that is generous with them.
            let large = TestContent(ByteBuffer(repeating: 7, count: 96 << 20))
            harness.registry.add(blob: large.bytes, to: "library/nginx")
            let transfer = try await harness.client.blob(large.digest, in: repository, from: 0)
            var iterator = transfer.body.makeAsyncIterator()
            var count = try await iterator.next()?.readableBytes ?? 0
            // While the first stands still, a second one comes whole: there was time and room for the first as well.
            #expect(try await harness.client.wholeBlob(large.digest).readableBytes == large.size)
            let standing = try #require(harness.registry.requests.first)
            #expect(standing.progress == .underWay)
            #expect(standing.bodyBytesSent < 80 << 20)
            while let piece = try await iterator.next() { count += piece.readableBytes }
            #expect(count == large.size)
        }
    }

    @Test func `cancelling a reader ends the transfer at once`() async throws {
        try await run { harness in
            let stall = harness.registry.inject(.stallBody(afterBytes: 100_000))
            let reader = Task { try await harness.client.wholeBlob(blob.digest) }
            try await stall.waitUntilHolding()
            reader.cancel()
            #expect(await upstreamError { try await reader.value } == .cancelled)
            try await harness.registry.waitFor(.aborted)
            try await harness.registry.waitForOpenConnections(atMost: 0)
        }
    }

    @Test func `cancelling before the head ends the request at once`() async throws {
        try await run { harness in
            let stall = harness.registry.inject(.stallBeforeHead)
            let reader = Task { try await harness.client.wholeBlob(blob.digest) }
            try await stall.waitUntilHolding()
            reader.cancel()
            #expect(await upstreamError { try await reader.value } == .cancelled)
            try await harness.registry.waitForOpenConnections(atMost: 0)
        }
    }

    @Test func `dropping a transfer ends it`() async throws {
        try await run { harness in
            harness.registry.inject(.endlessBody)
            func drop() async throws {
                let transfer = try await harness.client.blob(blob.digest, in: repository, from: 0)
                #expect(transfer.offset == 0)
            }
            try await drop()
            try await harness.registry.waitForOpenConnections(atMost: 0)
            func dropHalfway() async throws {
                for try await _ in try await harness.client.blob(blob.digest, in: repository, from: 0).body { break }
            }
            try await dropHalfway()
            try await harness.registry.waitForOpenConnections(atMost: 0)
        }
    }

    @Test func `connections are used again`() async throws {
        try await run { harness async throws in
            for _ in 0..<20 { #expect(try await harness.client.wholeBlob(blob.digest) == blob.bytes) }
            let missing = TestContent.random(count: 4).digest
            for _ in 0..<5 { #expect(await upstreamError { try await harness.client.wholeBlob(missing) } == .notFound) }
            #expect(harness.registry.connectionCount == 1)
        }
    }

    @Test func `sixty transfers run at once`() async throws {
        try await run { harness in
            let stall = harness.registry.inject(.stallBody(afterBytes: 1000))
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<60 {
                    group.addTask { try await harness.client.wholeBlob(blob.digest) == blob.bytes }
                }
                try await stall.waitUntilHolding(60)
                stall.release()
                for try await isRight in group { #expect(isRight) }
            }
        }
    }
}
