import Foundation
import Testing

extension RealPrograms {
    /// Nodes that ask peers and containerd for certificates, as K3s does.
    @Suite(.serialized)
    struct NodeTLSTests {
        private static let reference = "made-up.example/library/x:multi"

        private func everything(of image: ImageLayout) throws -> Set<String> {
            let native = try image.native
            return Set(([image.index, native.manifest, native.config] + native.layers).map(\.digest))
        }

        /// Puts an image on the first node, and has the second one's containerd pull all of it from there.
        private func pullFromPeer(_ cluster: NodeCluster) async throws -> ImageLayout {
            let second = cluster.nodes[1]
            let image = try await ImageFactory(machine: cluster.machine).make("x")
            try await cluster.place(image, on: cluster.nodes[0])
            try await second.containerd.pull(Self.reference)
            #expect(try await second.containerd.contentDigests().isSuperset(of: try everything(of: image)))
            #expect(try await cluster.count(second, "weir_node_answers_total", [#"from="peer""#]) > 0)
            return image
        }

        /// Asks `node` from the machine of `other`, as a peer would, and shows `identity`.
        private func ask(
            _ node: NodeCluster.Node, from other: NodeCluster.Node, _ cluster: NodeCluster,
            showing identity: Certificates.Identity?, authority: Certificates, path: String = "/v2/"
        ) async throws -> CommandResult {
            let shown = identity.map { ["--cert", $0.certificateFile, "--key", $0.keyFile] } ?? []
            return try await cluster.machine.run(
                "nsenter",
                ["--net=/run/netns/\(other.network)", "curl", "-q", "--silent", "--show-error", "--max-time", "20"]
                    + ["--write-out", "%{http_code}", "--cacert", authority.authorityFile] + shown
                    + [node.origin + path])
        }

        private func isAnswered(_ result: CommandResult) -> Bool { result.output.hasSuffix("200") }

        @Test(.needs(.containerd, .ctr, .openssl), .timeLimit(.minutes(2)))
        func `an image goes from node to node by mutual TLS, and nobody without a certificate has any of it`()
            async throws
        {
            try await NodeCluster.with(2, .init(isPrivate: true, usesTLS: true)) { cluster in
                let (first, second) = (cluster.nodes[0], cluster.nodes[1])
                let authority = try #require(cluster.authority)
                let image = try await pullFromPeer(cluster)

                let layer = "/v2/library/x/blobs/\(try image.native.layers[2].digest)?ns=made-up.example"
                let own = try #require(second.certificates).client
                let stranger = try await Certificates(on: cluster.machine, name: "stranger").issue("stranger")
                for path in ["/v2/", layer, "/livez"] {
                    let known = try await ask(
                        first, from: second, cluster, showing: own, authority: authority, path: path)
                    #expect(known.output.hasSuffix("200"), "\(known.errors)")
                    let nobody = try await ask(
                        first, from: second, cluster, showing: nil, authority: authority, path: path)
                    #expect(nobody.output == "000" && nobody.errors.contains("certificate required"), "\(nobody)")
                    let other = try await ask(
                        first, from: second, cluster, showing: stranger, authority: authority, path: path)
                    #expect(other.output == "000" && other.errors.contains("unknown ca"), "\(other)")
                }
            }
        }

        @Test(.needs(.containerd, .ctr, .openssl), .timeLimit(.minutes(2)))
        func `a node whose certificate peers do not take is told so, and sends its containerd on at once`() async throws
        {
            try await NodeCluster.with(2, .init(usesTLS: true)) { cluster in
                let (first, second) = (cluster.nodes[0], cluster.nodes[1])
                let image = try await ImageFactory(machine: cluster.machine).make("x")
                try await cluster.place(image, on: first)
                // It takes the files as they are at its start.
                second.process.kill()
                let stranger = try await Certificates(on: cluster.machine, name: "stranger").issue("stranger")
                let own = try #require(second.certificates).client
                try readBytes(stranger.certificateFile).write(to: URL(filePath: own.certificateFile))
                try readBytes(stranger.keyFile).write(to: URL(filePath: own.keyFile))
                let again = try cluster.restart(second)
                try await eventually("the node is back") {
                    try await cluster.weir(second, ["status", "--json"]).output.contains(#""isReady" : true"#)
                }
                try await eventually("it finds the image") { try await cluster.finds(first, from: second) }
                let measure = try await cluster.weir(second, ["measure", Self.reference])
                #expect(measure.ending != .exited(0))
                let status = try await cluster.weir(second, ["status", "--json"])
                #expect(status.output.contains(#""reason" : "tls""#), "\(status.output)")
                let log = cluster.log(second)
                #expect(log.contains("do not agree on a certificate"), "\(log)")
                #expect(log.contains("demands a client certificate, or refuses ours"), "\(log)")
                #expect(again.ending == nil)
            }
        }

        /// Files are looked at once a minute.
        @Test(.needs(.containerd, .ctr, .openssl), .timeLimit(.minutes(4)))
        func `certificates and authorities that are replaced are used by nodes that run`() async throws {
            try await NodeCluster.with(2, .init(usesTLS: true)) { cluster in
                let (first, second) = (cluster.nodes[0], cluster.nodes[1])
                let old = try #require(cluster.authority)
                let stale = try await old.issue("stale")
                let renewed = try await Certificates(on: cluster.machine, name: "renewed")
                for node in cluster.nodes {
                    let own = try #require(node.certificates)
                    try await own.write(from: renewed)
                    try node.containerd.useMirror(
                        node.origin, for: "made-up.example", certificates: renewed, client: own.client)
                }
                for (node, other) in [(first, second), (second, first)] {
                    try await eventually("node \(node.number) shows its new certificate", within: .seconds(90)) {
                        isAnswered(
                            try await ask(
                                node, from: other, cluster, showing: try #require(other.certificates).client,
                                authority: renewed))
                    }
                    #expect(node.process.ending == nil)
                    // What the old authority signed is worth nothing any longer.
                    let refused = try await ask(node, from: other, cluster, showing: stale, authority: renewed)
                    #expect(refused.output == "000" && refused.errors.contains("unknown ca"), "\(refused)")
                }
                // One node believes the other by the new authority alone, and shows what the other believes.
                _ = try await pullFromPeer(cluster)
            }
        }
    }
}
