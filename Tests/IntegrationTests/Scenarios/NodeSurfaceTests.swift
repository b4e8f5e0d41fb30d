import FoundationEssentials
import Glibc
import Testing

extension RealPrograms {
    /// What Spegel's dashboards, probes and nodes ask of one, of nodes that have given each other an image.
    @Suite(.serialized)
    struct NodeSurfaceTests {
        private static let reference = "made-up.example/library/x:multi"
        private static let registry = [#"registry="made-up.example""#]

        private struct Status: Decodable {
            let identity: String
        }

        private func identity(of node: NodeCluster.Node, _ cluster: NodeCluster) async throws -> String {
            let text = try await cluster.weir(node, ["status", "--json"]).output
            return try JSONDecoder().decode(Status.self, from: Data(text.utf8)).identity
        }

        /// Asks from the node's own machine.
        private func ask(_ url: String, on node: NodeCluster.Node, _ cluster: NodeCluster) async throws -> String {
            try await cluster.machine.succeed(
                "nsenter",
                [
                    "--net=/run/netns/\(node.network)", "curl", "-q", "--silent", "--max-time", "20",
                    "--write-out", "%{http_code} %{content_type}", url,
                ])
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(2)))
        func `nodes that know one URL alone find the others and their images by it`() async throws {
            try await NodeCluster.with(3, .init(asksByHTTP: true)) { cluster in
                let (first, second, third) = (cluster.nodes[0], cluster.nodes[1], cluster.nodes[2])
                // As Spegel's nodes read it.
                let text = try await cluster.machine.succeed(
                    "nsenter",
                    [
                        "--net=/run/netns/\(second.network)", "curl", "-q", "--silent", "--fail",
                        "http://10.77.0.1:5002/id",
                    ])
                let own = try await identity(of: first, cluster)
                #expect(text == #"[{"Addrs":["/ip4/10.77.0.1/tcp/5001"],"ID":"\#(own)"}]"#)
                let image = try await ImageFactory(machine: cluster.machine).make("x")
                // The holder is not the one that the URL names.
                try await cluster.place(image, on: third)
                try await second.containerd.pull(Self.reference)
                #expect(try await second.containerd.contentDigests().contains(try image.native.layers[2].digest))
                #expect(try await cluster.count(second, "weir_node_answers_total", [#"from="peer""#]) > 0)
            }
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(2)))
        func `probes and pages are where Spegel has them`() async throws {
            try await NodeCluster.with(2) { cluster in
                let node = cluster.nodes[1]
                let own = try await identity(of: node, cluster)
                for origin in [node.origin, "http://127.0.0.1:9090"] {
                    for path in ["/readyz", "/livez", "/healthz"] {
                        #expect(try await ask(origin + path, on: node, cluster).contains("\n200 "), "\(origin)\(path)")
                    }
                }
                let metadata = try await ask("http://127.0.0.1:9090/debug/web/metadata", on: node, cluster)
                #expect(metadata == #"{"libp2p":{"id":"\#(own)"}}"# + "\n200 application/json")
                for path in ["", "/", "/stats"] {
                    let page = try await ask("http://127.0.0.1:9090/debug/web\(path)", on: node, cluster)
                    #expect(page.contains(own) && page.hasSuffix("200 text/html; charset=utf-8"), "\(path)")
                }
                let measure = "http://127.0.0.1:9090/debug/web/measure?image="
                #expect(
                    try await ask(measure + "made-up.example/a/none:1", on: node, cluster)
                        .contains("no peer says that it has it"))
                #expect(try await ask(measure, on: node, cluster).hasSuffix("400 text/html; charset=utf-8"))
                // Alone it is alive, and not ready.
                cluster.nodes[0].process.kill()
                try await eventually("the node notices that it is alone", within: .seconds(60)) {
                    try await ask("\(node.origin)/readyz", on: node, cluster).contains("\n500 ")
                }
                #expect(try await ask("\(node.origin)/livez", on: node, cluster).contains("\n200 "))
            }
        }

        @Test(.needs(.containerd, .ctr), .timeLimit(.minutes(2)))
        func `Spegel's metrics have its names, types, labels and buckets, and say what happened`() async throws {
            try await NodeCluster.with(2) { cluster in
                let (first, second) = (cluster.nodes[0], cluster.nodes[1])
                let image = try await ImageFactory(machine: cluster.machine).make("x")
                try await cluster.place(image, on: first)
                let start = Int(time(nil))
                try await second.containerd.pull(Self.reference)
                await #expect(throws: MachineError.self) {
                    try await second.containerd.pull("made-up.example/library/nowhere:1")
                }
                // What it pulled is told to others, by tag and by digest.
                try await second.containerd.pull("made-up.example/library/x@\(image.index.digest)")
                try await eventually("both names are told") {
                    for metric in ["spegel_advertised_image_tags", "spegel_advertised_image_digests"]
                    where try await cluster.count(second, metric, Self.registry) != 1 { return false }
                    return true
                }
                let page = try Exposition(try await cluster.page(second, "/metrics"))
                for family in Self.families {
                    let found = try #require(page.families[family.name], "\(family.name)")
                    #expect(found.kind == family.kind, "\(family.name)")
                    #expect(found.labels == [family.labels], "\(family.name)")
                    #expect(found.bounds == family.bounds, "\(family.name)")
                }
                // Nothing that a dashboard of Spegel's does not know.
                let known = Set(Self.families.map(\.name))
                #expect(page.families.keys.filter { $0.hasPrefix("spegel_") && !known.contains($0) } == [])

                let last = try await cluster.count(second, "spegel_mirror_last_success_timestamp_seconds")
                #expect((start...Int(time(nil))).contains(last))
                // Index, manifest, configuration and layers at least.
                let parts = try image.native.layers.count + 3
                for (metric, labels, least) in [
                    ("spegel_mirror_requests_total", Self.registry + [#"cache="hit""#], parts),
                    ("spegel_mirror_requests_total", Self.registry + [#"cache="miss""#], 1),
                    ("spegel_resolve_duration_seconds_count", [#"router="libp2p""#], 1),
                    ("spegel_advertised_content_digests", Self.registry, parts),
                    (
                        "http_request_duration_seconds_count",
                        [#"handler="/v2/*""#, #"method="GET""#, #"code="200""#], parts
                    ),
                    (
                        "http_response_size_bytes_count",
                        [#"handler="/v2/*""#, #"method="GET""#, #"code="200""#], parts
                    ),
                    ("http_request_duration_seconds_count", [#"method="HEAD""#, #"code="404""#], 1),
                ] { #expect(try await cluster.count(second, metric, labels) >= least, "\(metric) \(labels)") }
                #expect(try await cluster.count(second, "http_requests_inflight") == 0)
                // Who gives, and asks nobody, has no mirrored requests.
                #expect(try await cluster.count(first, "spegel_mirror_requests_total") == 0)
                #expect(try await cluster.count(first, "spegel_advertised_image_tags", Self.registry) == 1)
            }
        }

        private struct Family {
            let name: String
            let kind: String
            let labels: Set<String>
            var bounds: [String] = []
        }

        /// As Go's client library writes them: what stands in `le` has to be the same on every node, or a sum over
        /// nodes of both kinds is nonsense.
        private static let times = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10"]
        private static let sizes = [
            "1024", "5120", "25600", "128000", "640000", "3.2e+06", "1.6e+07", "8e+07", "4e+08", "2e+09",
        ]

        /// Spegel's `pkg/metrics` and `pkg/httpx`. Two of the names are of its versions before 0.0.31.
        private static let families = [
            Family(name: "spegel_mirror_requests_total", kind: "counter", labels: ["registry", "cache"]),
            Family(name: "spegel_mirror_last_success_timestamp_seconds", kind: "gauge", labels: []),
            Family(
                name: "spegel_resolve_duration_seconds", kind: "histogram", labels: ["router"],
                bounds: times + ["+Inf"]),
            Family(name: "spegel_advertised_image_tags", kind: "gauge", labels: ["registry"]),
            Family(name: "spegel_advertised_image_digests", kind: "gauge", labels: ["registry"]),
            Family(name: "spegel_advertised_content_digests", kind: "gauge", labels: ["registry"]),
            Family(name: "spegel_advertised_images", kind: "gauge", labels: ["registry"]),
            Family(name: "spegel_advertised_keys", kind: "gauge", labels: ["registry"]),
            Family(
                name: "http_request_duration_seconds", kind: "histogram", labels: ["handler", "method", "code"],
                bounds: times + ["+Inf"]),
            Family(
                name: "http_response_size_bytes", kind: "histogram", labels: ["handler", "method", "code"],
                bounds: sizes + ["+Inf"]),
            Family(name: "http_requests_inflight", kind: "gauge", labels: ["handler"]),
        ]
    }
}

/// A page of metrics, taken apart.
private struct Exposition {
    struct Family {
        let kind: String
        /// The sets of label names that its samples have, `le` aside.
        var labels: Set<Set<String>> = []
        /// What stands in `le`, in the order of the first series.
        var bounds: [String] = []
    }

    private(set) var families: [String: Family] = [:]

    init(_ text: String) throws {
        var current = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.hasPrefix("# TYPE "), words.count == 4 {
                current = String(words[2])
                families[current] = Family(kind: String(words[3]))
            } else if !line.hasPrefix("#") {
                try #require(line.hasPrefix(current), "\(line)")
                note(line, in: current)
            }
        }
    }

    private mutating func note(_ line: Substring, in family: String) {
        var names: Set<String> = []
        // No label here has a comma or a quotation mark in its value.
        let labels = line.drop { $0 != "{" }.dropFirst().prefix { $0 != "}" }
        for label in labels.split(separator: ",") {
            let parts = label.split(separator: "=", maxSplits: 1)
            let value = parts[1].dropFirst().dropLast()
            if parts[0] == "le" {
                if families[family]?.bounds.contains(String(value)) == false {
                    families[family]?.bounds.append(String(value))
                }
            } else {
                names.insert(String(parts[0]))
            }
        }
        families[family]?.labels.insert(names)
    }
}
