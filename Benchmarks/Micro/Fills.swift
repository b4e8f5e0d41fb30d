internal import Benchmark
internal import OCI
internal import Rules

@testable internal import PullThroughCache

/// The table of fills: a client that begins one, clients that join, its end.
enum Fills {
    static func register() throws {
        let repository = RepositoryKey(rule: try RuleName("dockerhub"), name: try RepositoryName("library/nginx"))
        let digests = (0..<1000).map(Material.digest)

        Benchmark("fill table: begin, and end") { benchmark in
            var table = FillTable()
            for iteration in benchmark.scaledIterations {
                guard let (fill, reader) = make(digests[iteration % digests.count], repository) else { continue }
                blackHole(table.join(fill, reader: reader, isOwn: false))
                table.finish(fill)
            }
        }

        Benchmark("fill table: join among 1000") { benchmark in
            var table = FillTable()
            for digest in digests {
                guard let (fill, reader) = make(digest, repository) else { continue }
                blackHole(table.join(fill, reader: reader, isOwn: false))
            }
            let spares = digests.compactMap { make($0, repository) }
            benchmark.startMeasurement()
            for iteration in benchmark.scaledIterations {
                let (fill, reader) = spares[iteration % spares.count]
                blackHole(table.join(fill, reader: reader, isOwn: false))
            }
        }
    }

    private static func make(_ digest: Digest, _ repository: RepositoryKey) -> (Fill, FillReader)? {
        let fill = Fill(digest: digest, repository: repository, windowBytes: 1 << 20)
        return fill.makeReader().map { (fill, $0) }
    }
}
