import FoundationEssentials
import Testing

extension RealPrograms {
    /// Weir's own HTTPS.
    @Suite(.serialized)
    struct ServerTLSTests {
        @Test(.needs(.openssl, .containerd, .ctr), .timeLimit(.minutes(2)))
        func `clients pull over HTTPS`() async throws {
            try await Self.withCertificates { stage, certificates in
                let folder = try await stage.skopeo.pull(
                    "\(stage.weir.authority)/library/x:multi", certificates: certificates)
                #expect(try Skopeo.verified(folder, is: stage.image) == stage.image.everything)
                let containerd = try await Containerd(on: stage.machine)
                try containerd.useMirror(stage.weir.origin, for: "docker.io", certificates: certificates)
                try await containerd.pull("docker.io/library/x:multi")
                #expect(try await containerd.run("docker.io/library/x:multi") == "\(hostArchitecture)\n")
            }
        }

        @Test(.needs(.openssl), .timeLimit(.minutes(1)), arguments: ["1.1", "2"])
        func `a blob is served by each version of HTTP`(version: String) async throws {
            try await Self.withCertificates { stage, certificates in
                let blob = try stage.image.native.layers[2]
                for _ in 0..<2 {
                    let answer = try await stage.machine.request(
                        stage.url(blob: blob), options: ["--cacert", certificates.authorityFile, "--http\(version)"])
                    #expect(answer.status == 200 && answer.isComplete)
                    #expect(contentDigest(answer.body) == blob.digest)
                    #expect(answer.version == version)
                }
            }
        }

        @Test(.needs(.openssl), .timeLimit(.minutes(1)))
        func `a new certificate is shown after a reload`() async throws {
            try await Self.withCertificates { stage, certificates in
                let other = try await Certificates(on: stage.machine, name: "other-authority")
                let identity = try await other.issue("renewed")
                let current = try #require(stage.weir.configuration.identity)
                for (source, target) in [
                    (identity.certificateFile, current.certificateFile), (identity.keyFile, current.keyFile),
                ] {
                    try readBytes(source).write(to: URL(filePath: target))
                }
                try await stage.weir.reload()
                try await eventually("the new certificate is shown") {
                    try await stage.machine.request(
                        "\(stage.weir.origin)/v2/", options: ["--cacert", other.authorityFile]
                    ).status == 200
                }
            }
        }

        private static func withCertificates(_ body: (Stage, Certificates) async throws -> Void) async throws {
            try await Stage.with { stage in
                let certificates = try await Certificates(on: stage.machine)
                var configuration = stage.weir.configuration
                configuration.identity = try await certificates.issue("weir")
                try await stage.weir.stop()
                try stage.weir.configure(configuration)
                try await stage.weir.start()
                try await body(stage, certificates)
            }
        }
    }
}
