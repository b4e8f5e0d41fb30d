import Testing

extension RealPrograms {
    /// A network that falls in two, as when a switch fails: real nodes, real links.
    @Suite(.serialized)
    struct NodeCutTests {
        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(3)))
        func `both halves of a cut network go on alone, and are one again soon after it is healed`() async throws {
            try await NodeCluster.with(4) { cluster in
                let (left, right) = (Array(cluster.nodes[..<2]), Array(cluster.nodes[2...]))
                let factory = ImageFactory(machine: cluster.machine)
                let before = try await factory.make("x")
                try await cluster.place(before, on: left[0])
                try await cluster.cut(right)

                // What is on a half is found and pulled there; nobody waits for the other half for ever.
                try await left[1].containerd.pull("made-up.example/library/x:multi")
                let during = try await factory.make("y")
                try await cluster.place(during, on: right[0], name: "y", foundBy: [right[1]])
                try await right[1].containerd.pull("made-up.example/library/y:multi")
                #expect(try await !cluster.finds(right[0], from: left[0], name: "y"))

                // A half is alone once what it asks of the other has failed often enough to be forgotten.
                try await eventually("each half has forgotten the other", within: .seconds(60)) {
                    _ = try await cluster.finds(left[0], from: right[1])
                    _ = try await cluster.finds(right[0], from: left[1], name: "y")
                    let known = try await cluster.knows(right, left[1]) + cluster.knows(left, right[1])
                    return !known.contains(true)
                }
                try await cluster.heal(right)
                // Who was lost is asked again after a quarter of the time it was away.
                try await eventually("the halves find each other's images", within: .seconds(45)) {
                    let isFound = try await cluster.finds(right[0], from: left[1], name: "y")
                    let isOtherFound = try await cluster.finds(left[0], from: right[1])
                    return isFound && isOtherFound
                }
                // Each node finds the others again by itself.
                try await eventually("the one that pulls finds it, too", within: .seconds(45)) {
                    try await cluster.finds(right[0], from: left[0], name: "y")
                }
                try await left[0].containerd.pull("made-up.example/library/y:multi")
            }
        }
    }
}
