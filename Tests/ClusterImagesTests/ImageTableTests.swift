import Foundation
import OCI
import Testing

@testable import ClusterImages

@Suite struct ImageTableTests {
    private func pod(
        _ name: String, _ images: [String], node: String? = nil, isUsingImages: Bool = true, namespace: String = "n"
    ) -> PodImages {
        PodImages(
            namespace: namespace, name: name, node: node, isUsingImages: isUsingImages,
            uses: images.map { PodImages.Use(image: $0) })
    }

    private func images(_ table: ImageTable) -> [String] { table.entries().map(\.use.image) }

    @Test
    func `an image is known as long as a pod uses it`() {
        var table = ImageTable()
        table.put(pod("a", ["x", "y", "x"]))
        table.put(pod("b", ["y"], namespace: "m"))
        #expect(images(table) == ["x", "y"])
        #expect(table.entries().map(\.podCount) == [1, 2])
        #expect(table.entries().last?.namespaces == ["m", "n"])
        table.put(pod("a", ["y", "z"]))
        #expect(images(table) == ["y", "z"])
        table.put(pod("a", ["y", "z"], isUsingImages: false))
        #expect(images(table) == ["y"])
        table.remove(pod("b", [], namespace: "m"))
        #expect(images(table).isEmpty)
        #expect(table.podCount == 0)
    }

    @Test
    func `pods that a new list does not name are gone`() {
        var table = ImageTable()
        for name in ["a", "b"] { table.put(pod(name, [name])) }
        table.beginListing()
        table.put(pod("b", ["b"]))
        table.put(pod("c", ["c"]))
        #expect(images(table) == ["a", "b", "c"])
        table.endListing()
        #expect(images(table) == ["b", "c"])
    }

    @Test
    func `a list that breaks off and begins anew loses nothing`() {
        var table = ImageTable()
        for name in ["a", "b"] { table.put(pod(name, [name])) }
        table.beginListing()
        table.put(pod("a", ["a"]))
        table.beginListing()
        table.put(pod("b", ["b"]))
        table.endListing()
        #expect(images(table) == ["b"])
    }

    @Test
    func `platforms are those of the nodes that run it`() {
        var table = ImageTable()
        table.put(NodePlatform(name: "one", os: "linux", architecture: "amd64"))
        table.put(NodePlatform(name: "two", os: "linux", architecture: "arm64"))
        table.put(NodePlatform(name: "odd", os: "li nux", architecture: ""))
        table.put(pod("a", ["x"], node: "one"))
        table.put(pod("b", ["x"], node: "two"))
        table.put(pod("c", ["y"], node: "odd"))
        #expect(table.entries().map { $0.platforms.map(\.description) } == [["linux/amd64", "linux/arm64"], []])
        table.beginListingNodes()
        table.put(NodePlatform(name: "two", os: "linux", architecture: "arm64"))
        table.endListingNodes()
        #expect(table.entries()[0].platforms.map(\.description) == ["linux/arm64"])
    }

    @Test
    func `what is beyond the bounds is left out and counted`() {
        var table = ImageTable(limits: .init(pods: 2, images: 3, nodes: 1, usesPerPod: 2))
        table.put(pod("a", ["1", "2", "3"]))
        #expect(table.imageCount == 2)
        table.put(pod("b", ["4", "5"]))
        table.put(pod("c", ["6"]))
        #expect(table.imageCount == 3)
        #expect(table.podCount == 2)
        #expect(table.droppedCount == 2)
        table.put(pod("a", [String(repeating: "x", count: 100_000)]))
        #expect(images(table).allSatisfy { $0.utf8.count < 2000 })
    }

    @Test
    func `of a pod's document its images and what runs are read`() throws {
        let text = """
            {"metadata":{"name":"p","namespace":"n","labels":{"a":"b"}},
             "spec":{"nodeName":"one","containers":[{"name":"a","image":"nginx:1"},{"name":"b","image":"redis"}],
              "initContainers":[{"name":"i","image":"busybox"}],"ephemeralContainers":[{"name":"e","image":"debug"}],
              "volumes":[{"name":"v","image":{"reference":"quay.io/data:2","pullPolicy":"Always"}},{"name":"w"}]},
             "status":{"phase":"Running","hostIP":"10.0.0.1","hostIPs":[{"ip":"10.0.0.1"},{"ip":"fd00::1"},{}],
              "containerStatuses":[
              {"name":"b","image":"docker.io/library/redis:latest","imageID":""},
              {"name":"a","image":"docker.io/library/nginx:1","imageID":"docker.io/library/nginx@sha256:00"}]}}
            """
        let pod = try JSONDecoder().decode(PodImages.self, from: Data(text.utf8))
        #expect(
            pod
                == PodImages(
                    namespace: "n", name: "p", node: "one", hostAddresses: ["10.0.0.1", "fd00::1"],
                    uses: [
                        .init(image: "nginx:1", imageID: "docker.io/library/nginx@sha256:00"), .init(image: "redis"),
                        .init(image: "busybox"), .init(image: "debug"), .init(image: "quay.io/data:2"),
                    ]))
        let done = #"{"metadata":{"name":"p"},"status":{"phase":"Failed"}}"#
        #expect(try JSONDecoder().decode(PodImages.self, from: Data(done.utf8)).isUsingImages == false)
    }
}
