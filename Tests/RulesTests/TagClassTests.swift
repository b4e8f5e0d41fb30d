import HostileInput
import OCI
import Rules
import Testing

struct TagClassTests {
    @Test(arguments: [
        "latest", "stable", "main", "master", "edge", "nightly", "lts", "jammy", "bookworm", "bookworm-slim", "alpine",
        "mainline-alpine", "stable-alpine3.19", "stable-alpine3.19-slim", "lts-jdk17", "latest-amd64", "2019-latest",
        "8.0-nightly-alpine3.19", "1.2.3-SNAPSHOT", "1.2.3-dev", "dev", "arm64", "bookworm-arm64v8", "linux-x86_64",
        "_", "v", "vnext", "beta", "rc", "defaced", "decade", "tip", "release", "x", "node18",
        // cosign's, and the referrers tag schema.
        "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.sig",
    ])
    func `a name without a version moves`(_ tag: String) throws {
        #expect(try TagClass(Tag(tag)) == .moving)
    }

    @Test(arguments: [
        "1", "1.27", "v1", "v2.3", "1.27-alpine", "1.27-alpine3.19", "1-alpine", "8-jdk", "8-jdk-slim",
        "3.11-slim-bookworm",
        "22.04", "alpine3.19", "alpine3.19-slim", "ubuntu-22.04", "release-1.27", "2022-CU12-ubuntu", "1.x", "1.27.x",
        "20-bookworm-slim", "2024.01", "2024-01", "8u402-jre", "1234567", "0", "0.1-rc", "V1", "17-ea-jdk",
    ])
    func `a version that leaves its last part open is minor`(_ tag: String) throws {
        #expect(try TagClass(Tag(tag)) == .minor)
    }

    @Test(arguments: [
        "1.27.3", "v1.2.3", "v1.2.3-rc1", "1.27.3-alpine", "3.19.1-alpine", "12.2.0-base-ubuntu22.04", "1.2.3.4",
        "1.27.3-alpine3.19", "v1.29.0-k3s1", "release-1.27.3", "openjdk-17.0.2", "cuda12.2.0", "10.0.19041.1",
        "1.2.3_build5", "1.2.3-beta.4", "2023.12.1",
        // Dates.
        "20240131", "2024-01-31", "2024.01.31", "2024_01_31", "bookworm-20240110", "bookworm-20240110-slim",
        "noble-20240429", "nightly-20240131", "RELEASE.2024-01-31T20-20-33Z", "20240131T120000Z", "202401311200",
        "20240131120000", "v20240131-abcdef1", "main-2024-01-31", "ubi8.2024.01.31",
        // Builds by number.
        "12345678", "1706700000",
        // Commits.
        "sha-3f2c1ab", "3f2c1ab", "main-3f2c1ab09d", "master-3f2c1ab-amd64", "main-g3f2c1ab",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709", "dev-da39a3e",
    ])
    func `a full version, a date or a commit is exact`(_ tag: String) throws {
        #expect(try TagClass(Tag(tag)) == .exact)
    }

    @Test(arguments: [
        "latest-20241301", "latest-20240132", "latest-18990101", "latest-2024-0131", "latest-2024-01.31",
        "latest-202401",
        "latest-120240131", "latest-202401311", "latest-2024-01-311",
    ])
    func `numbers that are no date make none`(_ tag: String) throws {
        #expect(try TagClass(Tag(tag)) == .moving)
    }

    @Test func `every tag has a class`() {
        let alphabet = ["1", "2024", "01", "31", "-", "_", ".", "v", "a", "f", "g", "latest", "sha256", "alpine", "9"]
        for text in hostileTexts(count: 8000, alphabet: alphabet, seed: 11) {
            guard let tag = try? Tag(text) else { continue }
            _ = TagClass(tag)
        }
    }

    // MARK: Policies

    @Test func `a lifetime is the first matching override's, else the class's`() throws {
        let policy = FreshnessPolicy(
            moving: .seconds(1), minor: .seconds(2), exact: .seconds(3),
            overrides: [
                .init(pattern: "latest-*", lifetime: .seconds(4)), .init(pattern: "*-dev", lifetime: .seconds(5)),
                .init(pattern: "1.27.3", lifetime: .zero),
            ])
        let expected: [(String, Duration)] = [
            ("latest", .seconds(1)), ("1", .seconds(2)), ("1.2.3", .seconds(3)), ("latest-dev", .seconds(4)),
            ("x-dev", .seconds(5)), ("1.27.3", .zero),
        ]
        for (tag, lifetime) in expected { #expect(try policy.lifetime(of: Tag(tag)) == lifetime, "\(tag)") }
    }

    @Test func `the defaults are those that are documented`() {
        let policy = FreshnessPolicy()
        #expect(policy.moving == .seconds(300) && policy.minor == .seconds(3600) && policy.exact == .seconds(86_400))
        #expect(policy.staleWhileRevalidate == .zero && policy.negative == .seconds(30) && policy.overrides.isEmpty)
    }

    @Test(arguments: OutageCondition.allCases)
    func `each condition has its own answer`(_ condition: OutageCondition) {
        var policy = OutagePolicy()
        #expect(policy.servesStale(under: condition, age: .seconds(Int64.max)))
        switch condition {
        case .unreachable: policy.unreachable = .passOn
        case .serverError: policy.serverError = .passOn
        case .rateLimited: policy.rateLimited = .passOn
        case .unauthorized: policy.unauthorized = .passOn
        case .notFound: policy.notFound = .passOn
        }
        for other in OutageCondition.allCases {
            #expect(policy.servesStale(under: other, age: .zero) == (other != condition))
        }
    }

    @Test func `staleness is bounded by age, the bound included`() {
        let policy = OutagePolicy(unreachable: .serveStale(maximumAge: .seconds(60)))
        #expect(policy.servesStale(under: .unreachable, age: .seconds(60)))
        #expect(policy.servesStale(under: .unreachable, age: .seconds(-5)))
        #expect(!policy.servesStale(under: .unreachable, age: .milliseconds(60_001)))
        #expect(policy.servesStale(under: .serverError, age: .seconds(600)))
    }

    // MARK: Patterns

    @Test(arguments: [
        ("", "", true), ("", "*", true), ("", "**", true), ("", "a", false), ("a", "", false), ("abc", "abc", true),
        ("abc", "ABC", false), ("abc", "*", true), ("abc", "a*", true), ("abc", "*c", true), ("abc", "a*c", true),
        ("abc", "*b*", true), ("abc", "a*b", false), ("abc", "b*", false), ("abc", "abc*", true), ("abc", "*abc", true),
        ("abcabc", "a*bc", true), ("aXbXc", "a*b*c", true), ("a*c", "a*c", true), ("abc", "a?c", false),
        ("1.27.3", "1.27.*", true), ("1x27", "1.27", false), ("latest", "l*t*t", true),
        ("mississippi", "m*iss*ip*i", true),
        ("mississippi", "m*issip*ss*", false),
    ])
    func `a star stands for any run of characters`(_ text: String, _ pattern: String, _ isMatch: Bool) {
        #expect(matches(text, pattern: pattern) == isMatch)
    }

    @Test func `a pattern of many stars does not take for ever`() {
        let text = String(repeating: "a", count: 20_000)
        let pattern = String(repeating: "a*", count: 500) + "b"
        let elapsed = ContinuousClock().measure { #expect(!matches(text, pattern: pattern)) }
        #expect(elapsed < .seconds(10))
    }
}
