import OCI
import Rules
import Testing

@testable import ClusterImages

@Suite struct PullingNamespaceTests {
    private static let digest = RunningImageTests.digest
    private static let running = "docker.io/library/nginx@\(digest)"

    /// Uses as `NAMESPACE IMAGE` or `NAMESPACE IMAGE IMAGEID`, what is pulled of nginx, and for whom that is.
    @Test(
        arguments: [
            (["shop nginx:1"], "1", "shop"),
            (["shop nginx:1", "web redis:1"], "1", "shop"),
            // The tag tells pods apart; what no pod names is for those of the repository.
            (["a nginx:2", "b nginx:1"], "1", "b"), (["a redis:1", "b nginx:1"], "sha256:12", "b"),
            (["a nginx:2", "b nginx:1"], "3", "a"),
            // Somebody waits for it.
            (["a nginx:1 \(running)", "b nginx:1"], "1", "b"), (["a nginx:1 \(running)"], digest, "a"),
            // Named, even if it runs, before what is not named.
            (["b nginx:1 \(running)", "a nginx:2"], "1", "b"),
            // Several: the first by name, in whatever order they come.
            (["b nginx:1", "a nginx:1", "c nginx:1"], "1", "a"),
            (["a ghcr.io/library/nginx:1"], "1", nil), (["a nginx-x:1", "b Nginx"], "1", nil), ([], "1", nil),
        ] as [([String], String, String?)])
    func `a node pulls for the pods on it that use the image`(
        _ uses: [String], _ reference: String, _ expected: String?
    ) throws {
        let resolver = RunningImageResolver(table: try RunningImageTests.table(), addresses: [])
        let pairs = uses.map { text -> (namespace: String, use: PodImages.Use) in
            let parts = text.split(separator: " ").map(String.init)
            return (parts[0], PodImages.Use(image: parts[1], imageID: parts.count > 2 ? parts[2] : ""))
        }
        let nginx = RepositoryKey(rule: try RuleName("hub"), name: try RepositoryName("library/nginx"))
        for pairs in [pairs, pairs.reversed()] {
            #expect(
                PullingNamespace.find(pulling: reference, of: nginx, among: pairs, resolver: resolver) == expected)
        }
    }

    private func pod(_ name: String, at addresses: [String], _ images: [String] = ["x"]) -> PodImages {
        PodImages(
            namespace: "n-\(name)", name: name, hostAddresses: addresses, uses: images.map { .init(image: $0) })
    }

    @Test func `pods are found by the addresses of their node, as long as they are there`() {
        var table = ImageTable()
        func found(_ address: String) -> [String] {
            table.uses(at: address).map { "\($0.namespace) \($0.use.image)" }.sorted()
        }
        table.put(pod("a", at: ["10.0.0.1", "fd00::1"], ["x", "y"]))
        table.put(pod("b", at: ["10.0.0.1"]))
        table.put(pod("c", at: []))
        #expect(found("10.0.0.1") == ["n-a x", "n-a y", "n-b x"])
        #expect(found("fd00::1") == ["n-a x", "n-a y"])
        #expect(found("10.0.0.2") == [])
        table.put(pod("a", at: ["10.0.0.2"]))
        table.put(pod("c", at: ["10.0.0.2"]))
        #expect(found("fd00::1") == [])
        #expect(found("10.0.0.2") == ["n-a x", "n-c x"])
        table.beginListing()
        table.put(pod("c", at: ["10.0.0.2"]))
        table.endListing()
        #expect(found("10.0.0.1") == [])
        #expect(found("10.0.0.2") == ["n-c x"])
        table.remove(pod("c", at: []))
        #expect(found("10.0.0.2") == [])
    }
}
