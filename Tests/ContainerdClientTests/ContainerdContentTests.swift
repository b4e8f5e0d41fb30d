import BlobStore
import Foundation
import Logging
import NIOCore
import NodeContent
import OCI
import Testing

@testable import ContainerdClient

@Suite(.timeLimit(.minutes(1))) struct ContainerdContentTests {
    private func content(_ server: GRPCServer, root: String? = nil) -> ContainerdContent {
        ContainerdContent(
            api: ContainerdAPI(socket: server.path, namespace: "k8s.io"), contentRoot: root,
            logger: Logger(label: "containerd") { _ in SwiftLogNoOpLogHandler() })
    }

    /// A manifest is read for each: hundreds of calls, of which none may fail.
    @Test func `a node with hundreds of images lists each of them, with all it consists of`() async throws {
        let containerd = ContainerdStandIn(imageCount: 460)
        try await GRPCServer.with(containerd.answer) { server async throws in
            let content = content(server)
            for round in 1...2 {
                let images = try await content.images()
                let found = Dictionary(grouping: images, by: { $0.tag?.description }).mapValues { Set($0[0].digests) }
                let expected = Dictionary(
                    uniqueKeysWithValues: containerd.images.enumerated().map { (String?("\($0)"), $1.digests) })
                #expect(found == expected)
                #expect(containerd.readCount == 460, "in round \(round)")
            }
        }
    }

    @Test func `a listing that breaks off is an error, and the next one reads what is missing alone`() async throws {
        let containerd = ContainerdStandIn(imageCount: 20)
        try await GRPCServer.with(containerd.answer) { server async throws in
            let content = content(server)
            containerd.fail(after: 15)
            await #expect(throws: NodeContentError.self) { try await content.images() }
            #expect(containerd.readCount == 15)
            #expect(try await content.images().count == 20)
            #expect(containerd.readCount == 20)
        }
    }

    @Test func `the directory is found when the first image has come`() async throws {
        let containerd = ContainerdStandIn(imageCount: 1)
        let root = "/tmp/weir-content-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        try await GRPCServer.with(containerd.answer) { server async throws in
            let content = content(server, root: root)
            _ = try await content.images()
            #expect(content.contentRoot == nil)
            try FileManager.default.createDirectory(atPath: "\(root)/blobs", withIntermediateDirectories: true)
            _ = try await content.images()
            #expect(content.contentRoot == root)
        }
    }

    // MARK: Through containerd

    /// As Go's gRPC does, the server sends a PING with each piece.
    @Test func `a large blob is read in many pieces over one connection`() async throws {
        try await GRPCServer.with(ContainerdStandIn(imageCount: 0).answer) { server async throws in
            let api = ContainerdAPI(socket: server.path, namespace: "k8s.io")
            for number in 0..<(52 << 20) / ContainerdStandIn.blockBytes {
                let bytes = try await api.read(
                    Self.digest, at: Int64(number * ContainerdStandIn.blockBytes),
                    length: ContainerdStandIn.blockBytes)
                try #require(bytes == Self.block(number))
            }
            #expect(server.record.connections == 1)
            #expect(server.record.givenUp == 0)
        }
    }

    @Test func `who reads on is given what was read ahead, and who does not gets what was asked for`() async throws {
        let containerd = ContainerdStandIn(imageCount: 0)
        try await GRPCServer.with(containerd.answer) { server async throws in
            let block = ContainerdStandIn.blockBytes
            let blob = ContentStream(
                api: ContainerdAPI(socket: server.path, namespace: "k8s.io"), digest: Self.digest,
                size: Int64(20 * block + 5))
            var offset: Int64 = 0
            while offset < blob.size {
                let bytes = try await blob.read(at: offset, length: block)
                let expected = Self.block(Int(offset) / block)
                try #require(bytes == expected.getSlice(at: 0, length: min(block, Int(blob.size - offset))))
                offset += Int64(bytes.readableBytes)
            }
            // One block, then four at a time; the last call has what is left of 20 blocks and 5 bytes.
            #expect(containerd.readCount == 6)
            let across = try await blob.read(at: Int64(3 * block - 1), length: 2)
            #expect(across == ByteBuffer(bytes: [2, 3]))
            _ = try await blob.read(at: 0, length: 10)
            _ = try await blob.read(at: 10, length: 10)
            let joined = try await blob.read(at: Int64(4 * block), length: 4 * block)
            #expect(joined.readableBytes == 4 * block)
            #expect(try await blob.read(at: 3, length: 2) == ByteBuffer(bytes: [0, 0]))
            #expect(try await blob.read(at: blob.size - 1, length: 100) == ByteBuffer(bytes: [20]))
            #expect(try await blob.read(at: blob.size, length: 100).readableBytes == 0)
        }
    }

    private static let digest = DigestHasher.digest(of: Array("a large blob".utf8))

    private static func block(_ number: Int) -> ByteBuffer {
        ByteBuffer(repeating: UInt8(truncatingIfNeeded: number), count: ContainerdStandIn.blockBytes)
    }
}
