internal import Benchmark
internal import OCI

/// What every byte of a blob goes through.
enum Digesting {
    static func register() {
        let bytes = [UInt8](repeating: 0xA5, count: 1 << 20)
        for algorithm in [Digest.Algorithm.sha256, .sha512] {
            Benchmark("digest: 1 MiB, \(algorithm)", configuration: .init(scalingFactor: .one)) { benchmark in
                for _ in benchmark.scaledIterations { blackHole(DigestHasher.digest(of: bytes, algorithm)) }
            }
        }
    }
}
