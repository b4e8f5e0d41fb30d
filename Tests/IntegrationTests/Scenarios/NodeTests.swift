import Glibc
import Testing

extension RealPrograms {
    /// Whole nodes, with real containerd, on a network of their own: the images exist nowhere else.
    @Suite(.serialized)
    struct NodeTests {
        private static let reference = "made-up.example/library/x:multi"

        private func everything(of image: ImageLayout) throws -> Set<String> {
            let native = try image.native
            return Set(([image.index, native.manifest, native.config] + native.layers).map(\.digest))
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(2)), arguments: [false, true])
        func `containerd pulls by tag and by digest what only another node has`(isPrivate: Bool) async throws {
            try await NodeCluster.with(2, isPrivate: isPrivate) { cluster in
                let (first, second) = (cluster.nodes[0], cluster.nodes[1])
                let image = try await ImageFactory(machine: cluster.machine).make("x")
                try await cluster.place(image, on: first)
                let all = try everything(of: image)
                try await second.containerd.pull(Self.reference)
                #expect(try await second.containerd.contentDigests().isSuperset(of: all))
                try await second.containerd.remove(Self.reference)
                #expect(try await second.containerd.contentDigests() == [])
                let byDigest = "made-up.example/library/x@\(image.index.digest)"
                try await second.containerd.pull(byDigest)
                #expect(try await second.containerd.contentDigests().isSuperset(of: all))
                // Who pulled it has it from now on.
                try await eventually("the second node is known to have it") {
                    try await cluster.weir(first, ["find", image.index.digest, "--json"]).output
                        .contains(second.address)
                }
                let measure = try await cluster.weir(second, ["measure", Self.reference])
                #expect(measure.ending == .exited(0), "\(measure.errors)")
                #expect(measure.output.contains(image.index.digest))
                #expect(try await cluster.page(first, "/").contains(second.address))
                #expect(try await cluster.page(second, "/metrics").contains("spegel_mirror_requests_total"))
            }
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(3)))
        func `a pull completes although the node that serves it dies`() async throws {
            try await NodeCluster.with(5, rate: "24mbit") { cluster in
                let image = try await ImageFactory(machine: cluster.machine).make("x", layerBytes: 12 << 20)
                let holders = [cluster.nodes[1], cluster.nodes[2]]
                for node in holders { try await cluster.place(image, on: node) }
                let before = [try await cluster.sent(by: holders[0]), try await cluster.sent(by: holders[1])]
                let puller = cluster.nodes[4]
                async let pull: Void = puller.containerd.pull(Self.reference)
                let busy = try await eventually("a node serves the large layer") {
                    for (index, node) in holders.enumerated()
                    where try await cluster.sent(by: node) - before[index] > 2 << 20 { return node }
                    return nil
                }
                busy.process.kill()
                try await pull
                #expect(try await puller.containerd.contentDigests().isSuperset(of: try everything(of: image)))
                let metrics = try await cluster.page(puller, "/metrics")
                #expect(metrics.contains("weir_node_resumed_total"))
            }
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(2)))
        func `a node that serves wrong bytes is cut off, and the pull completes from another`() async throws {
            try await NodeCluster.with(3) { cluster in
                let image = try await ImageFactory(machine: cluster.machine).make("x", layerBytes: 4 << 20)
                let layer = try image.native.layers[2]
                let (liar, honest, puller) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
                try await cluster.place(image, on: liar)
                let path = liar.containerd.file(of: layer.digest)
                let descriptor = open(path, O_WRONLY | O_CLOEXEC)
                let noise: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7]
                #expect(pwrite(descriptor, noise, noise.count, off_t(layer.size / 2)) == noise.count)
                close(descriptor)
                // Nobody else has it: what is wrong does not get through, and the one who sent it is known.
                await #expect(throws: MachineError.self) { try await puller.containerd.pull(Self.reference) }
                #expect(try await !puller.containerd.contentDigests().contains(layer.digest))
                let status = try await cluster.weir(puller, ["status", "--json"])
                #expect(status.output.contains(#""reason" : "lied""#))
                try await cluster.place(image, on: honest)
                try await puller.containerd.pull(Self.reference)
                #expect(try await puller.containerd.contentDigests().contains(layer.digest))
            }
        }
    }
}
