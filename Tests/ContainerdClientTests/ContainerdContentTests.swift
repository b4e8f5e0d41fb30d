import Logging
import NodeContent
import OCI
import Testing

@testable import ContainerdClient

@Suite(.timeLimit(.minutes(1))) struct ContainerdContentTests {
    private func content(_ server: GRPCServer) -> ContainerdContent {
        ContainerdContent(
            api: ContainerdAPI(socket: server.path, namespace: "k8s.io"), contentRoot: nil,
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
}
