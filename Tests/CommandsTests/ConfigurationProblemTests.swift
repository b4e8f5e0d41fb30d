import Foundation
import Rules
import Testing

@testable import Commands

@Suite struct ConfigurationProblemTests {
    @Test(
        arguments: [
            // Structure.
            ("storge: {}", "weir.yaml:1:1: unknown key 'storge'; did you mean 'storage'?"),
            (
                "storage: { dir: /x }",
                "weir.yaml:1:12: unknown key 'dir'; known here are directory, limit, highWatermark, lowWatermark"
            ),
            ("- a", "weir.yaml:1:1: expected a group of keys, found a list"),
            ("storage: 5", "weir.yaml:1:10: expected a group of keys, found a single value"),
            ("listen: { a: b }", "weir.yaml:1:9: expected an address to listen on: HOST:PORT, found a group of keys"),
            (
                "storage:\n  directory:",
                "weir.yaml:2:13: expected a directory, found nothing; give a value or remove the key"
            ),
            ("refresh: { allowFrom: 10.0.0.0/8 }", "weir.yaml:1:23: expected a list, found a single value"),
            ("log: {}\nlog: {}", "weir.yaml:1:1: 'log' is given twice in one group; remove one of the two"),
            ("a: 1\n---\nb: 2", nil),
            ("[a]: 1", "weir.yaml:1:1: a key must be a plain name, found a list"),
            ("a: [", nil),
            (
                "base: &x { level: info }\nlog:\n  <<: *x",
                "weir.yaml:3:3: merge keys are not supported here; write the keys out"
            ),
            // Addresses.
            (
                "listen: 5000",
                "weir.yaml:1:9: '5000' has no host; write HOST:PORT, such as '0.0.0.0:5000' or '[::1]:5000'"
            ),
            (
                "listen: 0.0.0.0:65536",
                "weir.yaml:1:9: '0.0.0.0:65536' has no port from 0 to 65535; write HOST:PORT, such as '0.0.0.0:5000' or '[::1]:5000'"
            ),
            (
                "listen: '::1:5000'",
                "weir.yaml:1:9: '::1:5000' has an IPv6 address without brackets; write HOST:PORT, such as '0.0.0.0:5000' or '[::1]:5000'"
            ),
            (
                "refresh: { allowFrom: [10.0.0.0/33] }",
                "weir.yaml:1:24: '10.0.0.0/33' has a prefix length out of range; it is 0 to 32"
            ),
            // Units.
            (
                "freshness: { moving: 300 }",
                "weir.yaml:1:22: '300' has no unit; write a number with a unit, such as '90s', '5m', '1h30m' or '7d'"
            ),
            (
                "freshness: { moving: 5y }",
                "weir.yaml:1:22: '5y' has the unknown unit 'y'; units are ms, s, m, h, d and w"
            ),
            (
                "freshness: { moving: 99999999999d }",
                "weir.yaml:1:22: '99999999999d' is too long; the longest is 36500d"
            ),
            ("timeouts: { idle: 0s }", "weir.yaml:1:19: '0s' is out of range; it must be from 100ms to 1d"),
            (
                "storage: { limit: 10 bananas }",
                "weir.yaml:1:19: '10 bananas' has the unknown unit 'bananas'; units are KiB, MiB, GiB, TiB and kB, MB, GB, TB"
            ),
            ("storage: { limit: 0% }", "weir.yaml:1:19: '0%' is no percentage from 1% to 100%"),
            ("storage: { limit: 1000 }", "weir.yaml:1:19: '1000' is too small to hold an image; give 1MiB at least"),
            ("storage: { limit: 99999999PiB }", "weir.yaml:1:19: '99999999PiB' is too large"),
            (
                "storage: { highWatermark: 50 }",
                "weir.yaml:1:27: lowWatermark (85%) is above highWatermark (50%); eviction ends at the low one"
            ),
            ("limits: { connections: -1 }", "weir.yaml:1:24: '-1' is not a number from 1 to 1000000"),
            (
                "log: { level: inf }",
                "weir.yaml:1:15: 'inf' is not one of trace, debug, info, notice, warning, error, critical; did you mean 'info'?"
            ),
            ("log: { access: yes }", "weir.yaml:1:16: 'yes' is neither true nor false"),
            // Outage.
            (
                "outage: { notFound: ignore }",
                "weir.yaml:1:21: 'ignore' is neither 'serve-stale' nor 'pass-on' nor {serveStale: DURATION}"
            ),
            ("outage: { notFound: {} }", "weir.yaml:1:21: expected {serveStale: DURATION}"),
            (
                "outage: { notFound: { serveStale: 7q } }",
                "weir.yaml:1:35: '7q' has the unknown unit 'q'; units are ms, s, m, h, d and w"
            ),
            // References.
            (
                "control: { socket: '${env:NOPE}' }",
                "weir.yaml:1:20: the environment variable 'NOPE' is not set; set it, or remove the reference"
            ),
            (
                "control: { socket: '${file:none}' }",
                "weir.yaml:1:20: the file 'none' does not exist; create it, or remove the reference"
            ),
            (
                "control: { socket: '${vault:x}' }",
                "weir.yaml:1:20: '${vault:x}' is not understood; write '${env:NAME}' or '${file:PATH}'"
            ),
            (
                "control: { socket: '${env:X' }",
                "weir.yaml:1:20: '${' has no '}'; write '${env:NAME}' or '${file:PATH}', and '$${' for a plain '${'"
            ),
            // TLS.
            (
                "tls: { certificate: none.pem, key: none.pem }",
                "weir.yaml:1:21: the file cannot be read; create it, mend its permissions, or remove the key"
            ),
            ("tls: {}", "weir.yaml:1:6: 'tls' needs both 'certificate' and 'key'; add the other"),
            // Names.
            (
                "defaultRule: dockr.io",
                "weir.yaml:1:14: there is no rule 'dockr.io'; did you mean 'docker.io'?"
            ),
            (
                "wellKnownRegistries: [docker.oi]",
                "weir.yaml:1:23: 'docker.oi' is not one of docker.io, ghcr.io, quay.io, registry.k8s.io, gcr.io, "
                    + "mcr.microsoft.com, public.ecr.aws, registry.gitlab.com, nvcr.io; did you mean 'docker.io'?"
            ),
        ] as [(String, String?)])
    func `a bad configuration is told with its place and what to do`(_ yaml: String, _ expected: String?) throws {
        let problems = try Folder().problems(yaml)
        if let expected {
            #expect(problems.contains(expected), "\(problems)")
        } else {
            #expect(problems.count == 1)
            #expect(problems.first?.contains(": the file is no YAML: ") == true, "\(problems)")
        }
    }

    @Test func `every error is told at once, in the order of the file`() throws {
        let problems = try Folder().problems(
            """
            listen: nowhere
            storge: {}
            rules:
              lab: { registry: "http://h:5001/path", username: me }
              Lab: {}
            freshness: { moving: 5 }
            """)
        let places = problems.map { $0.split(separator: " ")[0] }
        #expect(
            places == ["weir.yaml:1:9:", "weir.yaml:2:1:", "weir.yaml:4:20:", "weir.yaml:5:3:", "weir.yaml:6:22:"])
    }

    @Test func `a missing file is told`() {
        let loader = ConfigurationLoader(file: "none.yaml", environment: [:], workingDirectory: "/nonexistent")
        #expect {
            try loader.load()
        } throws: {
            "\($0)" == "none.yaml: the configuration file does not exist"
        }
    }

    @Test func `a file that is too large, or no text, is told`() throws {
        let folder = try Folder()
        let large = try folder.problems("# " + String(repeating: "x", count: 1 << 20))
        #expect(large == ["weir.yaml: the configuration file is larger than 1048576 bytes"])
        let path = try folder.write("")
        try Array<UInt8>([0x61, 0x3A, 0xFF]).withUnsafeBytes { bytes in
            try #require(bytes.count == 3)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
        }
        let loader = ConfigurationLoader(file: path, environment: [:], workingDirectory: "/")
        #expect { try loader.load() } throws: { "\($0)" == "\(path): the configuration file is not UTF-8 text" }
    }

    @Test(.timeLimit(.minutes(1)))
    func `aliases of aliases cannot fill the memory`() throws {
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<30 {
            bomb +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ") + "]\n"
        }
        bomb += "? [*a29, *a29]\n: 1\n"
        let problems = try Folder().problems(bomb)
        #expect(problems == ["weir.yaml: the file has more than 20 YAML aliases ('*name'); write the values out"])
    }

    @Test(.timeLimit(.minutes(1)))
    func `nesting without end is refused`() throws {
        let problems = try Folder().problems("a: " + String(repeating: "[", count: 100_000))
        #expect(problems.count == 1)
        #expect(problems.first?.contains("nesting level") == true, "\(problems)")
        let block = (0..<2000).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n")
        #expect(try Folder().problems(String(block.prefix(1_000_000))).count >= 1)
    }

    @Test func `patterns with stars are no aliases`() throws {
        let patterns = (0..<40).map { "\"team-\($0)-*\": 1h, \"v*\($0)\": 2h" }.joined(separator: ", ")
        let service = try Folder().load("freshness: { tags: { \(patterns) } }").service
        #expect(service.rules.rules.allSatisfy { $0.freshness.overrides.count == 80 })
    }

    @Test func `a few aliases are fine`() throws {
        let loaded = try Folder().load(
            """
            freshness: { moving: &short 90s, minor: *short }
            """)
        #expect(loaded.service.rules.rules.first?.freshness.minor == .seconds(90))
    }
}
