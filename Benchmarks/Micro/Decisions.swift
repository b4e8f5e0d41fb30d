internal import Benchmark
internal import OCI
internal import Rules
internal import Timekeeping

@testable internal import PullThroughCache

/// What is decided for every request.
enum Decisions {
    static func register() throws {
        let now = Timestamp(seconds: 1_700_000_000)
        let rule = Rule(name: try RuleName("dockerhub"), prefix: "dockerhub", host: try RegistryHost("docker.io"))
        for text in ["latest", "1.27", "1.27.3-alpine3.19"] {
            let tag = try Tag(text)
            Benchmark("decide: freshness of '\(text)'") { benchmark in
                for _ in benchmark.scaledIterations {
                    blackHole(
                        TagDecision(
                            tag: tag, rule: rule, checkedAt: now, absentUntil: nil, now: now, isForced: false,
                            pausedBy: nil))
                }
            }
        }

        let table = try rules(first: rule)
        let namespace = "docker.io"
        Benchmark("decide: rule by prefix, of 64 rules") { benchmark in
            for _ in benchmark.scaledIterations {
                blackHole(
                    try table.resolve("dockerhub/library/nginx", namespace: nil, authority: "weir.example:5000"))
            }
        }
        Benchmark("decide: rule by namespace, of 64 rules") { benchmark in
            for _ in benchmark.scaledIterations {
                blackHole(try table.resolve("library/nginx", namespace: namespace, authority: "weir.example:5000"))
            }
        }
    }

    private static func rules(first: Rule) throws -> RuleTable {
        let others = try (0..<63).map { number in
            Rule(
                name: try RuleName("rule-\(number)"), prefix: "rule-\(number)",
                host: try RegistryHost("registry-\(number).example"))
        }
        return RuleTable([first] + others, defaultRule: first.name)
    }
}
