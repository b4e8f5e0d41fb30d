import Glibc
import Testing

extension RealPrograms {
    /// The control experiment: the same clients and images with docker-registry in Weir's place. Where one of these
    /// fails, the machine is to blame and not Weir.
    @Suite(.serialized)
    struct HarnessTests {
        @Test(.needs(), .timeLimit(.minutes(1)))
        func `a closed machine has no network but itself`() async throws {
            try await ClosedMachine.with { machine in
                let answer = try await machine.request("http://192.0.2.1/", within: .seconds(10))
                // 7: could not connect; at once, not after a time-out (28).
                #expect(answer.exit == 7)
            }
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `nothing in a closed machine survives it`() async throws {
            let (scratch, identifier) = try await ClosedMachine.with { machine in
                try await machine.mountMemory(at: "\(machine.scratch.path)/memory", size: "1m")
                let process = try machine.start("/bin/sh", ["-c", "sleep 1000 & wait"], name: "stays")
                return (machine.scratch.path, try await process.identifier())
            }
            #expect(kill(identifier, 0) == -1)
            #expect(access(scratch, F_OK) == -1)
            #expect(try !readText("/proc/mounts").contains(scratch))
        }

        @Test(.needs(), .timeLimit(.minutes(1)))
        func `an image that was pushed is pulled byte for byte, and each request is counted`() async throws {
            try await ClosedMachine.with { machine in
                let registry = try await RealRegistry(on: machine)
                let image = try await ImageFactory(machine: machine).make("x")
                try await registry.push(image, as: "library/x")
                let (folder, requests) = try await registry.requests {
                    try await Skopeo(machine: machine).pull("\(registry.authority)/library/x:multi")
                }
                #expect(try Skopeo.verified(folder, is: image) == image.everything)
                for content in image.everything where content != image.index {
                    #expect(requests.gets(of: content.digest).count == 1)
                }
                #expect(requests.gets(of: "multi").count == 1)
            }
        }

        @Test(.needs(.containerd, .ctr, .dockerd, .docker, .podman), .timeLimit(.minutes(3)))
        func `every client pulls and runs an image through a mirror`() async throws {
            try await ClosedMachine.with { machine in
                let registry = try await RealRegistry(on: machine)
                let mirror = try await RealRegistry(on: machine, name: "mirror", port: 5000, upstream: registry.origin)
                let image = try await ImageFactory(machine: machine).make("x")
                try await registry.push(image, as: "library/x")

                let containerd = try await Containerd(on: machine)
                try containerd.useMirror(mirror.origin, for: "docker.io")
                try await containerd.pull("docker.io/library/x:multi")
                #expect(try await containerd.run("docker.io/library/x:multi") == "\(hostArchitecture)\n")
                #expect(try await containerd.contentDigests().isSuperset(of: image.native.layers.map(\.digest)))

                let dockerd = try await Dockerd(on: machine, mirror: mirror.origin)
                try await dockerd.pull("x:multi")
                #expect(try await dockerd.run("x:multi") == "\(hostArchitecture)\n")
                #expect(try await dockerd.repositoryDigests("x:multi").contains(image.index.digest))

                let podman = try Podman(on: machine, mirrors: ["docker.io": mirror.authority])
                try await podman.pull("docker.io/library/x:multi")
                #expect(try await podman.run("docker.io/library/x:multi") == "\(hostArchitecture)\n")
            }
        }

        @Test(.needs(.openssl, .htpasswd, .nginx), .timeLimit(.minutes(1)))
        func `a registry with a token server gives content to those with a token alone`() async throws {
            try await ClosedMachine.with { machine in
                let image = try await ImageFactory(machine: machine).make("x")
                let open = try await RealRegistry(on: machine, name: "open", port: 5002, storage: "shared")
                try await open.push(image, as: "library/x")
                let certificates = try await Certificates(on: machine)
                let tokens = try await TokenServer(
                    on: machine, certificates: certificates, repositories: ["library/x"])
                let registry = try await RealRegistry(
                    on: machine, storage: "shared", certificates: certificates, access: .tokens(tokens))
                let refused = try await machine.request(
                    "\(registry.origin)/v2/library/x/manifests/multi",
                    options: ["--cacert", certificates.authorityFile])
                #expect(refused.status == 401)
                let folder = try await Skopeo(machine: machine).pull(
                    "\(registry.authority)/library/x:multi", certificates: certificates)
                #expect(try Skopeo.verified(folder, is: image) == image.everything)
                #expect(try tokens.server.requests().contains { $0.path == "/token" && $0.status == 200 })
            }
        }

        @Test(.needs(.nginx), .timeLimit(.minutes(1)))
        func `many clients can ask at one time, and each has its own answer`() async throws {
            try await ClosedMachine.with { machine in
                let registry = try await RealRegistry(on: machine)
                let image = try await ImageFactory(machine: machine).make("x", layerBytes: 100_000)
                try await registry.push(image, as: "library/x")
                let slow = try await Nginx.slow(registry, rate: "500k")
                let blob = try image.native.layers[2]
                let url = "/v2/library/x/blobs/\(blob.digest)"
                let answers = try await machine.requestTogether(Array(repeating: slow.origin + url, count: 20))
                #expect(answers.count == 20)
                #expect(answers.allSatisfy { $0.isComplete && contentDigest($0.body) == blob.digest })
                #expect(try slow.requests().gets(of: blob.digest).count == 20)
            }
        }
    }
}
