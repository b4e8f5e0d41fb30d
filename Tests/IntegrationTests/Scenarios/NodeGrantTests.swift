import Glibc
import LibP2P
import OCI
import PeerGrants
import Testing

extension RealPrograms {
    /// A private repository among nodes whose central Weir signs who may have it: real processes, real containerd.
    @Suite(.serialized)
    struct NodeGrantTests {
        private func everything(of image: ImageLayout) throws -> Set<String> {
            let native = try image.native
            return Set(([image.index, native.manifest, native.config] + native.layers).map(\.digest))
        }

        private func pull(_ central: CentralWeir, on node: NodeCluster.Node) async throws {
            try await node.containerd.pull(central.reference)
            #expect(try await node.containerd.contentDigests().isSuperset(of: try everything(of: central.image)))
        }

        /// Blobs that a node had from `origin`.
        private func blobs(_ origin: String, _ node: NodeCluster.Node, _ cluster: NodeCluster) async throws -> Int {
            try await cluster.count(node, "weir_node_answers_total", [#"from="\#(origin)""#, #"kind="blob""#])
        }

        private func refusals(_ reason: String, by node: NodeCluster.Node, _ cluster: NodeCluster) async throws -> Int {
            try await cluster.count(node, "weir_node_grant_refusals_total", [#"reason="\#(reason)""#])
        }

        /// Waits until a node is found to have the last layer.
        private func waitUntilFound(
            _ holder: NodeCluster.Node, by node: NodeCluster.Node, _ central: CentralWeir, _ cluster: NodeCluster
        ) async throws {
            let layer = try central.image.native.layers[2].digest
            try await eventually("node \(node.number) finds the layer on node \(holder.number)") {
                try await cluster.weir(node, ["find", layer, "--json"]).output.contains(holder.address)
            }
        }

        private func with(
            _ count: Int, granted: [Int], _ body: (NodeCluster, CentralWeir) async throws -> Void
        ) async throws {
            let central = { (machine: ClosedMachine) async throws -> CentralWeir in
                try await CentralWeir(on: machine, granted: granted)
            }
            try await NodeCluster.with(count, central: central) { cluster in
                let central = try #require(cluster.central)
                for node in cluster.nodes {
                    try await eventually("node \(node.number) has heard the central Weir") {
                        try await cluster.weir(node, ["status", "--json"]).output.contains("1 private scope")
                    }
                }
                try await body(cluster, central)
            }
        }

        @Test(.needs(.containerd, .ctr, .dockerRegistry, .skopeo), .timeLimit(.minutes(3)))
        func `peers give a private image to the node that was granted it, also while the central Weir is away`()
            async throws
        {
            try await with(3, granted: [1, 2]) { cluster, central in
                let (holder, granted, other) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
                try await pull(central, on: holder)
                #expect(try await blobs("central", holder, cluster) > 0)
                for node in [granted, other] { try await waitUntilFound(holder, by: node, central, cluster) }

                // Every blob comes from the peer.
                try await pull(central, on: granted)
                #expect(try await blobs("peer", granted, cluster) > 0)
                #expect(try await blobs("central", granted, cluster) == 0)

                // Peers refuse it, and the pull goes to the central Weir.
                try await pull(central, on: other)
                #expect(try await blobs("peer", other, cluster) == 0)
                #expect(try await blobs("central", other, cluster) > 0)
                let refused = try await refusals("missing", by: holder, cluster)
                #expect(try await refusals("missing", by: granted, cluster) + refused > 0)

                // Grants are checked without the central Weir; nothing falls back to it.
                try await granted.containerd.remove(central.reference)
                try await other.containerd.remove(central.reference)
                try await central.weir.stop()
                try await pull(central, on: granted)
                await #expect(throws: MachineError.self) { try await other.containerd.pull(central.reference) }
                #expect(try await !other.containerd.contentDigests().contains(central.image.native.layers[2].digest))
            }
        }

        @Test(.needs(.containerd, .ctr, .dockerRegistry, .skopeo), .timeLimit(.minutes(4)))
        func `a grant that expired is of no use, and the pull goes to the central Weir`() async throws {
            try await with(2, granted: [1, 2]) { cluster, central in
                let (holder, node) = (cluster.nodes[0], cluster.nodes[1])
                try await pull(central, on: holder)
                try await waitUntilFound(holder, by: node, central, cluster)
                try await central.knowNobody(beyond: 1)
                // It counts until it expires.
                try await pull(central, on: node)
                #expect(try await blobs("central", node, cluster) == 0)
                try await node.containerd.remove(central.reference)

                try await eventually("the grant has expired", within: .seconds(90)) {
                    try await cluster.weir(node, ["status", "--json"]).output.contains("the grant has expired")
                }
                let before = try await blobs("peer", node, cluster)
                try await pull(central, on: node)
                #expect(try await blobs("peer", node, cluster) == before)
                #expect(try await blobs("central", node, cluster) > 0)
                #expect(try await refusals("missing", by: holder, cluster) > 0)
            }
        }

        @Test(.needs(.containerd, .ctr, .dockerRegistry, .skopeo), .timeLimit(.minutes(2)))
        func `what is shown with another's grant, an old one, a forged one or the same proof again opens nothing`()
            async throws
        {
            try await with(2, granted: [1, 2]) { cluster, central in
                let (holder, node) = (cluster.nodes[0], cluster.nodes[1])
                try await pull(central, on: holder)
                try await waitUntilFound(holder, by: node, central, cluster)
                let (thief, forger) = (try Identity(), try Identity())
                let owner = try central.identity(ofNode: 2)
                let layer = try central.image.native.layers[2]
                let ask = Asking(
                    cluster: cluster, node: node, holder: holder, audience: try central.identity(ofNode: 1).peerID,
                    layer: layer)
                let good = try ask.grant(owner, signer: central.signer)
                #expect(try await ask(nil) == 404)
                let shown = try ask.credential(good, proof: owner)
                #expect(try await ask(shown) == 200)
                #expect(try await ask(shown) == 404, "the same proof again")
                #expect(try await ask(ask.credential(good, proof: thief)) == 404, "another's grant")
                let old = try ask.grant(owner, signer: central.signer, age: 600)
                #expect(try await ask(ask.credential(old, proof: owner)) == 404, "an old grant")
                let forged = try ask.grant(thief, signer: forger)
                #expect(try await ask(ask.credential(forged, proof: thief)) == 404, "a forged grant")
                let elsewhere = try ask.grant(owner, signer: central.signer, scope: "made-up.example/other/*")
                #expect(try await ask(ask.credential(elsewhere, proof: owner)) == 404, "a grant for something else")
                #expect(
                    try await ask(ask.credential(good, proof: owner, isForHolder: false)) == 404, "for another peer")
                // After all that the honest node still has it from its peer.
                try await pull(central, on: node)
                #expect(try await blobs("central", node, cluster) == 0)
                for reason in ["missing", "replayed", "otherNode", "expired", "unknownKey", "notGranted"] {
                    #expect(try await refusals(reason, by: holder, cluster) > 0, "\(reason)")
                }
            }
        }

        /// Asks a node for a layer from another machine, as somebody who makes up what to show.
        private struct Asking {
            let cluster: NodeCluster
            let node: NodeCluster.Node
            let holder: NodeCluster.Node
            let audience: PeerID
            let layer: Content

            private var target: String {
                "/v2/\(CentralWeir.repository)/blobs/\(layer.digest)?ns=\(CentralWeir.host)"
            }

            private var now: Int64 { Int64(time(nil)) }

            /// - Parameter age: of the grant, in seconds; it is made for a minute.
            func grant(
                _ owner: Identity, signer: Identity, age: Int64 = 0, scope: String = "made-up.example/team/*"
            ) throws -> String {
                try Grant(
                    node: owner.peerID, notBefore: now - age, notAfter: now - age + 60,
                    scopes: [try RepositoryScope(scope)]
                ).signed(with: signer)
            }

            func credential(_ grant: String, proof owner: Identity, isForHolder: Bool = true) throws -> [String] {
                let audience = isForHolder ? audience : try Identity().peerID
                let statement = GrantProof.Statement(
                    audience: "\(audience)", method: "GET", target: target, grant: grant)
                return [
                    "\(PeerCredential.grantField): \(grant)",
                    "\(PeerCredential.proofField): \(try GrantProof.make(by: owner, for: statement, now: now))",
                ]
            }

            /// - Returns: the status of the answer.
            func callAsFunction(_ fields: [String]?) async throws -> Int {
                let arguments =
                    ["-q", "--silent", "--output", "/dev/null", "--max-time", "20", "--write-out", "%{http_code}"]
                    + (fields ?? []).flatMap { ["--header", $0] }
                let answer = try await cluster.machine.succeed(
                    "nsenter",
                    ["--net=/run/netns/\(node.network)", "curl"] + arguments + [holder.origin + target])
                return Int(answer) ?? 0
            }
        }
    }
}
