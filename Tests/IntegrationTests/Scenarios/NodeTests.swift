import Glibc
import Synchronization
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
            try await NodeCluster.with(2, .init(isPrivate: isPrivate)) { cluster in
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
                // What Spegel's dashboard asks for.
                for (metric, labels) in [
                    ("spegel_mirror_requests_total", [#"registry="made-up.example""#, #"cache="hit""#]),
                    ("spegel_advertised_images", [#"registry="made-up.example""#]), ("spegel_advertised_keys", []),
                    (
                        "http_request_duration_seconds_count",
                        [#"handler="/v2/*""#, #"method="GET""#, #"code="200""#]
                    ),
                    ("http_response_size_bytes_bucket", [#"handler="/v2/*""#, #"code="200""#, #"le="5120""#]),
                ] {
                    #expect(try await cluster.count(second, metric, labels) > 0, "\(metric)")
                }
                #expect(
                    try await cluster.page(second, "/metrics").contains(#"http_requests_inflight{handler="/v2/*"} 0"#))
            }
        }

        /// containerd measures the line with a PING for nearly every piece, more than its library lets a server do.
        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(2)))
        func `large content goes through containerd where its directory cannot be read`() async throws {
            try await NodeCluster.with(2, .init(readsFiles: false)) { cluster in
                let (first, second) = (cluster.nodes[0], cluster.nodes[1])
                let image = try await ImageFactory(machine: cluster.machine).make("x", layerBytes: 96 << 20)
                try await cluster.place(image, on: first)
                try await second.containerd.pull(Self.reference)
                #expect(try await second.containerd.contentDigests().isSuperset(of: try everything(of: image)))
                #expect(try await cluster.weir(first, ["status"]).output.contains("through containerd"))
            }
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(3)))
        func `a pull completes although the node that serves it dies`() async throws {
            try await NodeCluster.with(5, .init(rate: "24mbit")) { cluster in
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

        @Test(.needs(.containerd, .ctr, .dockerRegistry, .skopeo), .timeLimit(.minutes(2)))
        func `containerd pulls by tag and by digest what a cache's own store has, with no upstream`() async throws {
            let made = Mutex<ImageLayout?>(nil)
            let fill = { (machine: ClosedMachine) async throws -> String in
                let registry = try await RealRegistry(on: machine)
                let image = try await ImageFactory(machine: machine).make("x")
                made.withLock { $0 = image }
                try await registry.push(image, as: "library/x")
                var rule = WeirConfiguration.Rule(name: "lab", registry: registry.origin)
                rule.host = "made-up.example"
                let weir = try WeirProcess(on: machine, WeirConfiguration(rules: [rule]))
                try await weir.start()
                _ = try await Skopeo(machine: machine).pull("\(weir.authority)/lab/library/x:\(image.tag)")
                try await weir.stop()
                try await registry.stop()
                return weir.directory
            }
            try await NodeCluster.with(2, store: fill) { cluster in
                let (cache, node) = (cluster.nodes[0], cluster.nodes[1])
                let image = try #require(made.withLock { $0 })
                try await eventually("the node finds the image in the cache") {
                    try await cluster.weir(node, ["find", Self.reference, "--json"]).output.contains(cache.address)
                }
                let all = try everything(of: image)
                try await node.containerd.pull(Self.reference)
                #expect(try await node.containerd.contentDigests().isSuperset(of: all))
                try await node.containerd.remove(Self.reference)
                let byDigest = "made-up.example/library/x@\(image.index.digest)"
                try await node.containerd.pull(byDigest)
                #expect(try await node.containerd.contentDigests().isSuperset(of: all))
                #expect(try await cluster.weir(cache, ["status"]).output.contains("of made-up.example"))
            }
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(2)))
        func `a node does without containerd while it is stopped, and has everything again after its restart`()
            async throws
        {
            try await NodeCluster.with(2) { cluster in
                var (holder, puller) = (cluster.nodes[0], cluster.nodes[1])
                let image = try await ImageFactory(machine: cluster.machine).make("x")
                try await cluster.place(image, on: holder)
                try await holder.containerd.stop()
                try await eventually("the node notices") {
                    try await cluster.weir(holder, ["status", "--json"]).output
                        .contains(#""isContentFollowed" : false"#)
                }
                // It is still advertised, and cannot be had: the pull fails at once, and the node lives on.
                await #expect(throws: MachineError.self) { try await puller.containerd.pull(Self.reference) }
                #expect(holder.process.ending == nil)
                try await holder.containerd.start()
                try await eventually("the node follows it again") {
                    try await cluster.weir(holder, ["status", "--json"]).output
                        .contains(#""isContentFollowed" : true"#)
                }
                try await eventually("the pull goes through") {
                    do {
                        try await puller.containerd.pull(Self.reference)
                        return true
                    } catch is MachineError {
                        // For a moment the node that did not answer is not asked.
                        return false
                    }
                }
                #expect(try await puller.containerd.contentDigests().isSuperset(of: try everything(of: image)))
            }
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(2)), arguments: [false, true])
        func `content that is gone between look-up and read is taken from another node`(isLost: Bool) async throws {
            try await NodeCluster.with(3) { cluster in
                let (first, second, puller) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
                let image = try await ImageFactory(machine: cluster.machine).make("x")
                let layer = try image.native.layers[0]
                try await cluster.place(image, on: first)
                if isLost {
                    // containerd still says that it has it.
                    #expect(unlink(first.containerd.file(of: layer.digest)) == 0)
                } else {
                    try await first.containerd.removeContent(layer.digest)
                }
                // Peers go on naming who said to have it, and nobody else has it: no wrong answer, and no pull.
                await #expect(throws: MachineError.self) { try await puller.containerd.pull(Self.reference) }
                #expect(try await !puller.containerd.contentDigests().contains(layer.digest))
                try await cluster.place(image, on: second)
                try await puller.containerd.pull(Self.reference)
                #expect(try await puller.containerd.contentDigests().isSuperset(of: try everything(of: image)))
            }
        }
    }
}
