// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

// Products of other packages, named once.
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioConcurrency: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let tomlKit: Target.Dependency = .product(name: "TOMLKit", package: "TOMLKit")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let serviceLifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")

func module(_ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil) -> Target {
    .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude, swiftSettings: settings)
}

let package = Package(
    name: "weir",
    products: [.executable(name: "weir", targets: ["weir"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.90.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.34.0"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.38.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.30.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.16.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.8.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.7.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.2.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.10.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.1.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
    ],
    targets: [
        // The model: values, no input or output.
        module("OCI", [crypto]),
        module("JSON", []),
        module("HTTPSemantics"),
        module("Timekeeping"),
        module("Concurrency"),
        module("Rules", ["OCI"]),
        module("Quota", ["HTTPSemantics", "Timekeeping"]),
        module("ImageRewriting", ["OCI", "Rules"]),
        module("ImageFiles", ["OCI", "ImageRewriting", yams]),

        // Encrypted files, decrypted.
        module("AgeEncryption", [crypto, cryptoExtras]),
        module("SOPS", ["AgeEncryption", "ImageRewriting", crypto, yams]),

        // Contracts, and the adapters that keep them.
        module("Credentials", ["Timekeeping"]),
        module(
            "CredentialSources",
            ["Concurrency", "Credentials", "Timekeeping", subprocess, systemPackage, nioPosix, logging, metrics]),
        module(
            "CloudCredentials",
            [
                "CredentialSources", "Credentials", "Timekeeping", crypto, cryptoExtras, asyncHTTPClient, nioCore,
                nioHTTP1, logging,
            ]),
        module("HTTPFailures", [asyncHTTPClient, nioCore, nioHTTP1, nioPosix, nioSSL]),
        module("Upstream", ["OCI", "HTTPSemantics", "Timekeeping", nioCore]),
        module(
            "UpstreamClient",
            [
                "Upstream", "Credentials", "Concurrency", "OCI", "HTTPFailures", "HTTPSemantics", "Timekeeping",
                asyncHTTPClient, nioCore,
                nioPosix, nioHTTP1, nioSSL, logging, metrics,
            ]),
        module(
            "QuotaGovernor",
            [
                "Quota", "Upstream", "UpstreamClient", "Credentials", "OCI", "HTTPSemantics", "Timekeeping", logging,
                metrics,
            ]),
        module("BlobStore", ["OCI", "Rules", "Timekeeping", nioCore]),
        module(
            "FilesystemBlobStore",
            ["BlobStore", "OCI", "Rules", "Timekeeping", crypto, nioCore, nioPosix, logging, "CFileAllocation"]),
        .target(name: "CFileAllocation"),
        module("MetadataStore", ["OCI", "Quota", "Rules", "Timekeeping"]),
        module("SQLiteMetadataStore", ["MetadataStore", "OCI", "Quota", "Rules", "Timekeeping", grdb, logging]),
        module("ProtobufCoding", []),

        // Peers: the streams between them, and who has what.
        module("LibP2P", ["Concurrency", crypto, nioCore, nioPosix, logging, serviceLifecycle, "ProtobufCoding"]),
        module("PeerRouting", ["OCI"]),
        module(
            "KademliaRouting",
            [
                "LibP2P", "PeerRouting", "Timekeeping", crypto, nioCore, nioHTTP1, asyncHTTPClient, logging,
                coreMetrics, serviceLifecycle, "ProtobufCoding", "KubernetesClient",
            ]),
        module("PeerGrants", ["JSON", "LibP2P", "OCI", "Timekeeping", crypto]),

        // A node that shares what it has: its content, and the registry that answers for it.
        module("NodeContent", ["BlobStore", "OCI"]),
        module("StoreContent", ["NodeContent", "BlobStore", "MetadataStore", "OCI", "Rules"]),
        module(
            "PeerRegistry",
            [
                "NodeContent", "PeerRouting", "PullThroughCache", "BlobStore", "OCI", "HTTPFailures", "HTTPSemantics",
                "Timekeeping", "ImageRewriting", asyncHTTPClient, nioCore, nioHTTP1, nioSSL, logging, coreMetrics,
                "PeerGrants",
            ]),
        module(
            "ContainerdClient",
            ["NodeContent", "BlobStore", "OCI", nioCore, nioPosix, nioHTTP1, nioHTTP2, logging, "ProtobufCoding"]),

        module("NodeConfiguration", ["OCI", tomlKit, yams]),

        // Kubernetes: its API server, and what Weir does there.
        module(
            "KubernetesClient",
            [
                "HTTPFailures", "HTTPSemantics", "Timekeeping", asyncHTTPClient, nioCore, nioPosix, nioHTTP1, nioSSL,
                logging, yams, subprocess, systemPackage,
            ]),
        module(
            "ClusterImages", ["KubernetesClient", "MetadataStore", "OCI", "Rules", "Timekeeping", logging]),
        module("ClusterSecrets", ["KubernetesClient", logging, coreMetrics]),
        module("ClusterCertificates", ["KubernetesClient", "Timekeeping", crypto, asn1, x509, logging, coreMetrics]),

        // What Weir is.
        module(
            "PullThroughCache",
            [
                "Concurrency",
                "OCI", "HTTPSemantics", "Rules", "Timekeeping", "Upstream", "BlobStore", "MetadataStore",
                nioCore, deque, logging, coreMetrics, serviceLifecycle,
            ]),
        module("Listening", [nioCore, nioPosix, nioSSL]),
        module(
            "RegistryServer",
            [
                "OCI", "HTTPSemantics", "Rules", "Timekeeping", "PullThroughCache", "BlobStore", "PeerRegistry",
                nioCore, nioPosix, nioHTTP1, nioHTTP2, nioSSL, logging, metrics, serviceLifecycle, "Listening",
                "PeerGrants", "LibP2P",
            ]),
        module(
            "AdmissionWebhook",
            [
                "Concurrency",
                "JSON", "OCI", "Rules", "ImageRewriting", "Credentials", "Timekeeping", "Listening", deque, logging,
                coreMetrics, nioCore, nioPosix, nioHTTP1, nioSSL, serviceLifecycle,
            ]),
        module("PrometheusMetrics", [coreMetrics]),
        module(
            "ControlServer",
            [
                "OCI", "Quota", "Rules", "Timekeeping", "MetadataStore", "PullThroughCache", hummingbird, logging,
                nioCore, nioPosix, serviceLifecycle,
            ]),
        module(
            "Commands",
            [
                "OCI", "HTTPSemantics", "Rules", "ImageRewriting", "ImageFiles", "AgeEncryption", "SOPS", "Credentials",
                "CredentialSources", "Timekeeping", "Upstream", "Quota", "QuotaGovernor", "UpstreamClient", "BlobStore",
                "FilesystemBlobStore", "MetadataStore", "SQLiteMetadataStore", "PullThroughCache", "RegistryServer",
                "ControlServer", "PrometheusMetrics", "PeerRegistry", "NodeContent", "ContainerdClient",
                "NodeConfiguration", "PeerRouting", "KademliaRouting", "LibP2P", "KubernetesClient", "ClusterImages",
                "ClusterCertificates", "ClusterSecrets", argumentParser, asyncHTTPClient, yams, logging, metrics,
                serviceLifecycle, unixSignals, nioHTTP1, nioCore, "AdmissionWebhook", "JSON", "Listening",
                "CloudCredentials", "StoreContent", "PeerGrants", "CAllocator",
            ]),
        .target(name: "CAllocator"),
        .executableTarget(name: "weir", dependencies: ["Commands"], swiftSettings: settings),

        // What tests share: an upstream that misbehaves on command, and the proofs the contracts ship.
        module(
            "RegistryTestKit", ["OCI", "Timekeeping", crypto, nioCore, nioPosix, nioHTTP1, nioSSL, asn1, x509],
            path: "Tests/RegistryTestKit"),
        module(
            "KubernetesTestKit",
            ["KubernetesClient", "RegistryTestKit", nioCore, nioPosix, nioHTTP1, nioSSL, asn1, x509],
            path: "Tests/KubernetesTestKit"),
        module(
            "BlobStoreConformance", ["BlobStore", "OCI", "Rules", "Timekeeping", nioCore],
            path: "Tests/BlobStoreConformance"),
        module(
            "MetadataStoreConformance", ["MetadataStore", "OCI", "Quota", "Rules", "Timekeeping"],
            path: "Tests/MetadataStoreConformance"),
        module(
            "DaySimulation",
            [
                "RegistryTestKit", "OCI", "Rules", "Timekeeping", "Upstream", "UpstreamClient", "Credentials", "Quota",
                "QuotaGovernor", "PullThroughCache", "FilesystemBlobStore", "MetadataStore", "SQLiteMetadataStore",
                logging,
            ], path: "Tests/DaySimulation"),
        tests(
            "DaySimulationTests", ["DaySimulation", "RegistryTestKit", "Timekeeping", "PullThroughCache", "Upstream"]),

        tests("OCITests", ["OCI", "HostileInput"]),
        tests("HTTPSemanticsTests", ["HTTPSemantics", "HostileInput"]),
        tests("RulesTests", ["Rules", "OCI", "HostileInput"]),
        module("HostileInput", path: "Tests/HostileInput"),
        module("TestMachine", path: "Tests/TestMachine"),
        tests("ImageRewritingTests", ["ImageRewriting", "OCI", "Rules", "HostileInput"]),
        tests("ImageFilesTests", ["ImageFiles", "ImageRewriting", "HostileInput"]),
        tests(
            "QuotaGovernorTests",
            [
                "QuotaGovernor", "Quota", "UpstreamClient", "Upstream", "Credentials", "OCI", "HTTPSemantics",
                "Timekeeping", "RegistryTestKit", nioCore, logging,
            ]),
        tests("TimekeepingTests", ["Timekeeping"]),
        tests("QuotaTests", ["Quota", "HTTPSemantics", "Timekeeping"]),
        tests(
            "AgeEncryptionTests", ["AgeEncryption", "HostileInput", crypto], exclude: ["Fixtures", "make-fixtures.py"]),
        tests(
            "SOPSTests", ["SOPS", "AgeEncryption", "HostileInput", yams], exclude: ["Fixtures", "make-fixtures.py"]),
        tests(
            "CloudCredentialsTests",
            [
                "CloudCredentials", "CredentialSources", "Credentials", "Timekeeping", "HostileInput",
                "RegistryTestKit",
                crypto, cryptoExtras, logging,
            ]),
        tests(
            "CredentialSourcesTests",
            ["CredentialSources", "Credentials", "Timekeeping", "HostileInput", "RegistryTestKit", logging, metrics]),
        tests(
            "UpstreamClientTests",
            [
                "UpstreamClient", "Upstream", "Credentials", "OCI", "HTTPSemantics", "Timekeeping", "RegistryTestKit",
                asyncHTTPClient, nioCore, nioPosix, nioHTTP1, nioSSL, logging, coreMetrics,
            ]),
        tests(
            "FilesystemBlobStoreTests",
            [
                "TestMachine", "FilesystemBlobStore", "BlobStore", "BlobStoreConformance", "OCI", "Rules",
                "Timekeeping", subprocess, systemPackage, nioCore, logging,
            ]),
        tests(
            "SQLiteMetadataStoreTests",
            [
                "TestMachine", "SQLiteMetadataStore", "MetadataStore", "MetadataStoreConformance", "OCI", "Quota",
                "Rules", "Timekeeping", grdb,
                logging,
            ]),
        tests(
            "PullThroughCacheTests",
            [
                "Concurrency",
                "TestMachine", "PullThroughCache", "OCI", "HTTPSemantics", "Rules", "Timekeeping", "Upstream",
                "UpstreamClient",
                "BlobStore",
                "FilesystemBlobStore", "MetadataStore", "SQLiteMetadataStore", "RegistryTestKit", nioCore, logging,
            ]),
        tests(
            "RegistryServerTests",
            [
                "RegistryServer", "PullThroughCache", "OCI", "HTTPSemantics", "Rules", "Timekeeping", "BlobStore",
                "PeerRegistry", "Upstream", "RegistryTestKit", "HTTPFailures", asyncHTTPClient, nioCore, nioPosix,
                nioHTTP1,
                nioEmbedded, nioSSL, logging, x509, asn1, crypto, serviceLifecycle, "Listening", "HostileInput",
            ]),
        tests(
            "LibP2PTests",
            [
                "LibP2P", "HostileInput", crypto, nioCore, nioPosix, logging, serviceLifecycle, "PeerFuzzing",
                "ProtobufCoding",
            ]),
        tests(
            "KademliaRoutingTests",
            [
                "KademliaRouting", "LibP2P", "PeerRouting", "OCI", "HostileInput", crypto, nioCore, nioPosix, nioHTTP1,
                asyncHTTPClient, logging, serviceLifecycle, "PeerSimulation", "KubernetesClient", "KubernetesTestKit",
                "RegistryTestKit", "ProtobufCoding", "InProcessPeers",
            ]),
        // Peers of one process: for tests, and for what is measured of them.
        module(
            "InProcessPeers", ["KademliaRouting", "LibP2P", "PeerRouting", "OCI", crypto, logging],
            path: "Tests/InProcessPeers"),
        tests(
            "PeerRegistryTests",
            [
                "PeerRegistry", "NodeContent", "PeerRouting", "RegistryServer", "BlobStore", "OCI", asyncHTTPClient,
                nioCore, nioPosix, nioHTTP1, logging, serviceLifecycle, "Listening", "PeerGrants", "LibP2P", "Rules",
                "PullThroughCache",
            ]),
        tests("PeerGrantsTests", ["PeerGrants", "LibP2P", "OCI", "Timekeeping", "HostileInput", crypto]),
        tests(
            "ContainerdClientTests",
            [
                "ContainerdClient", "NodeContent", "BlobStore", "LibP2P", "OCI", "HostileInput", "ProtobufCoding",
                nioCore, nioPosix, nioHTTP1, nioHTTP2, logging,
            ]),
        tests(
            "StoreContentTests",
            [
                "StoreContent", "NodeContent", "BlobStore", "FilesystemBlobStore", "MetadataStore",
                "MetadataStoreConformance", "SQLiteMetadataStore", "OCI", "Rules", "TestMachine", nioCore, logging,
            ]),
        tests("NodeConfigurationTests", ["NodeConfiguration", "OCI", tomlKit, yams]),
        tests(
            "KubernetesClientTests",
            [
                "KubernetesClient", "KubernetesTestKit", "RegistryTestKit", "HostileInput", "Timekeeping", nioCore,
                logging,
            ]),
        tests(
            "ClusterSecretsTests",
            ["ClusterSecrets", "KubernetesClient", "KubernetesTestKit", "RegistryTestKit", logging]),
        tests(
            "ClusterCertificatesTests",
            [
                "ClusterCertificates", "KubernetesClient", "KubernetesTestKit", "RegistryTestKit", "Timekeeping",
                nioSSL,
                logging,
            ]),
        tests(
            "ClusterImagesTests",
            [
                "ClusterImages", "KubernetesClient", "KubernetesTestKit", "RegistryTestKit", "MetadataStore",
                "SQLiteMetadataStore", "OCI", "Rules", "Timekeeping", "TestMachine", logging,
            ]),
        module(
            "PeerSimulation", ["KademliaRouting", "LibP2P", "HostileInput", crypto, heap], path: "Tests/PeerSimulation"),
        // What peers send, for the fuzzer as for the tests.
        .target(
            name: "PeerFuzzing", dependencies: ["LibP2P", "KademliaRouting", "ProtobufCoding", nioCore],
            path: "Tests/PeerFuzzing",
            exclude: ["Corpus"], swiftSettings: settings),
        .executableTarget(
            name: "peer-simulation", dependencies: ["PeerSimulation"], path: "Benchmarks/PeerSimulation",
            swiftSettings: settings),
        .executableTarget(
            name: "simulated-day", dependencies: ["DaySimulation", "RegistryTestKit"], path: "Benchmarks/SimulatedDay",
            swiftSettings: settings),
        tests("JSONTests", ["JSON", "HostileInput"]),
        tests(
            "AdmissionWebhookTests",
            [
                "AdmissionWebhook", "Concurrency", "JSON", "OCI", "ImageRewriting", "Rules", "Credentials",
                "Timekeeping", "Listening",
                "HostileInput", "RegistryTestKit", asyncHTTPClient, nioCore, nioPosix, nioHTTP1, nioSSL, logging,
                serviceLifecycle,
            ]),
        tests("PrometheusMetricsTests", ["PrometheusMetrics", coreMetrics]),
        tests(
            "ControlServerTests",
            [
                "ControlServer", "MetadataStore", "OCI", "Quota", "Rules", "Timekeeping", "PullThroughCache",
                asyncHTTPClient, hummingbird, logging,
            ]),
        tests(
            "CommandsTests",
            [
                "Commands", "HTTPSemantics", "OCI", "Rules", "ImageRewriting", "ImageFiles", "RegistryTestKit",
                "KubernetesClient", "KubernetesTestKit", "ClusterCertificates", "ControlServer", "RegistryServer",
                "UpstreamClient", "PullThroughCache", "MetadataStore", "Timekeeping", "Credentials", "Quota",
                "QuotaGovernor", logging, nioCore, nioPosix, "AdmissionWebhook", "Listening", asyncHTTPClient, nioHTTP1,
                nioSSL,
                yams, "NodeConfiguration", "PrometheusMetrics", serviceLifecycle, "KademliaRouting", "LibP2P",
                "PeerRouting", "StoreContent", "PeerGrants",
            ]),
        // Real programs judge the real binary: of the product nothing is linked but what a test needs to be a peer itself,
        // an honest one or not.
        tests(
            "IntegrationTests", ["LibP2P", "KademliaRouting", "PeerRouting", "PeerGrants", "OCI", logging, crypto]),
    ]
)

// The fuzzer of what peers send, for `make fuzz` alone: its coverage slows everything that it watches.
if let library = Context.environment["WEIR_FUZZER_LIBRARY"] {
    for target in package.targets where ["LibP2P", "KademliaRouting", "ProtobufCoding"].contains(target.name) {
        target.swiftSettings?.append(.unsafeFlags(["-sanitize=fuzzer"]))
    }
    package.targets.append(.target(name: "CFuzzer", path: "Tests/CFuzzer"))
    package.targets.append(
        .executableTarget(
            name: "fuzz-peers", dependencies: ["PeerFuzzing", "CFuzzer"], path: "Tests/FuzzPeers",
            swiftSettings: settings, linkerSettings: [.unsafeFlags([library, "-lstdc++"])]))
}

// Micro-benchmarks, for `make bench-micro` alone: nobody else has to fetch and build what they stand on. They look at
// what is internal to modules, as tests do, therefore `-enable-testing` in their release build.
if Context.environment["WEIR_MICRO_BENCHMARKS"] == "yes" {
    for target in package.targets where target.path == nil && target.type == .regular {
        target.swiftSettings?.append(.unsafeFlags(["-enable-testing"]))
    }
    package.dependencies.append(.package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []))
    package.targets.append(
        .executableTarget(
            name: "Micro",
            dependencies: [
                .product(name: "Benchmark", package: "benchmark"), "OCI", "HTTPSemantics", "Timekeeping", "Rules",
                "Quota", "MetadataStore", "SQLiteMetadataStore", "PullThroughCache", "RegistryServer",
                "PrometheusMetrics", "KademliaRouting", "PeerRouting", "InProcessPeers",
                coreMetrics, logging, nioCore,
            ],
            path: "Benchmarks/Micro", swiftSettings: settings,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]))
}
