internal import Benchmark
internal import OCI

@testable internal import RegistryServer

/// Text from outside into values.
enum Parsing {
    static func register() throws {
        let digest = "sha256:" + String(repeating: "0123456789abcdef", count: 4)

        Benchmark("parse: digest") { benchmark in
            for _ in benchmark.scaledIterations { blackHole(try Digest(digest)) }
        }

        Benchmark("parse: repository's name") { benchmark in
            for _ in benchmark.scaledIterations { blackHole(try RepositoryName("library/team/application")) }
        }

        let text = "registry.example:5000/team/application:1.27.3@\(digest)"
        Benchmark("parse: reference") { benchmark in
            for _ in benchmark.scaledIterations { blackHole(try ImageReference(text)) }
        }

        let path = "/v2/dockerhub/library/nginx/manifests/\(digest)?ns=docker.io"
        Benchmark("parse: request's target and route") { benchmark in
            for _ in benchmark.scaledIterations {
                let target = try RequestTarget(path, limitBytes: 8192)
                blackHole(Route(path: target.path))
                blackHole(try target.query.value(of: "ns"))
            }
        }

        let manifest = Array(Material.manifest(layers: 8).utf8)
        let manifestDigest = DigestHasher.digest(of: manifest)
        Benchmark("parse: manifest of 8 layers") { benchmark in
            for _ in benchmark.scaledIterations {
                blackHole(try Manifest(parsing: manifest, declared: nil, digest: manifestDigest))
            }
        }
    }
}
