import OCI
import Testing

@testable import Commands

@Suite struct ClientConfigurationTests {
    private let yaml = """
        wellKnownRegistries: [docker.io, ghcr.io]
        rules:
          lab: { registry: "http://127.0.0.1:5001" }
          team: { registry: ghcr.io, upstreamPrefix: team }
        """

    private func client(
        _ engine: ClientConfiguration.Engine, _ address: String = "weir.corp:5000", usesTLS: Bool = false,
        authority: String? = nil, fallsBack: Bool = true, yaml: String? = nil
    ) throws -> ClientConfiguration {
        let service = try Folder().load(yaml ?? self.yaml).service
        return try ClientConfiguration(
            engine,
            server: .init(address: try RegistryHost(address), usesTLS: usesTLS, authorityFile: authority),
            rules: service.rules, upstreams: service.upstreams, fallsBack: fallsBack)
    }

    @Test func `Docker gets a mirror at its root`() throws {
        let docker = try client(.docker)
        #expect(
            docker.files == [
                .init(
                    path: "/etc/docker/daemon.json",
                    content: """
                        {
                          "registry-mirrors": ["http://weir.corp:5000"],
                          "insecure-registries": ["weir.corp:5000"]
                        }

                        """)
            ])
        #expect(docker.notes.contains { $0.contains("weir.corp:5000/lab/…") })
        let secure = try client(.docker, usesTLS: true, authority: "/ca.pem")
        #expect(secure.files.first?.content == "{\n  \"registry-mirrors\": [\"https://weir.corp:5000\"]\n}\n")
        #expect(secure.notes.contains("Copy /ca.pem to /etc/docker/certs.d/weir.corp:5000/ca.crt."))
    }

    @Test func `Docker is refused where its root is not Docker Hub`() {
        #expect(throws: ValueProblem.self) { try client(.docker, yaml: "wellKnownRegistries: [ghcr.io]") }
        #expect(throws: ValueProblem.self) { try client(.docker, yaml: "defaultRule: ghcr.io") }
    }

    @Test func `containerd gets a file for each registry and for Weir itself`() throws {
        let files = try client(.containerd, authority: "/not/used.pem").files
        #expect(
            files.map(\.path) == [
                "/etc/containerd/certs.d/127.0.0.1_5001_/hosts.toml", "/etc/containerd/certs.d/docker.io/hosts.toml",
                "/etc/containerd/certs.d/ghcr.io/hosts.toml", "/etc/containerd/certs.d/weir.corp_5000_/hosts.toml",
            ])
        func content(_ server: String) -> String {
            """
            server = "\(server)"

            [host."http://weir.corp:5000"]
              capabilities = ["pull", "resolve"]

            """
        }
        #expect(
            files.map(\.content) == [
                content("http://127.0.0.1:5001"), content("https://registry-1.docker.io"), content("https://ghcr.io"),
                content("http://weir.corp:5000"),
            ])
    }

    @Test func `containerd without fallback has Weir as its server`() throws {
        let files = try client(.containerd, usesTLS: true, authority: "/ca.pem", fallsBack: false).files
        for file in files {
            #expect(
                file.content == """
                    server = "https://weir.corp:5000"

                    [host."https://weir.corp:5000"]
                      capabilities = ["pull", "resolve"]
                      ca = "/ca.pem"

                    """)
        }
    }

    @Test func `K3s gets one file`() throws {
        let files = try client(.k3s, usesTLS: true, authority: "/ca.pem").files
        #expect(
            files == [
                .init(
                    path: "/etc/rancher/k3s/registries.yaml",
                    content: """
                        mirrors:
                          "127.0.0.1:5001":
                            endpoint:
                              - "https://weir.corp:5000"
                          "docker.io":
                            endpoint:
                              - "https://weir.corp:5000"
                          "ghcr.io":
                            endpoint:
                              - "https://weir.corp:5000"
                          "weir.corp:5000":
                            endpoint:
                              - "https://weir.corp:5000"
                        configs:
                          "weir.corp:5000":
                            tls:
                              ca_file: "/ca.pem"

                        """)
            ])
        #expect(
            try client(.k3s, fallsBack: false).notes.contains { $0.contains("--disable-default-registry-endpoint") })
    }

    @Test(arguments: [ClientConfiguration.Engine.podman, .crio])
    func `podman and CRI-O say the registry in the path`(_ engine: ClientConfiguration.Engine) throws {
        #expect(
            try client(engine).files == [
                .init(
                    path: "/etc/containers/registries.conf.d/50-weir.conf",
                    content: """
                        [[registry]]
                        prefix = "127.0.0.1:5001"
                        location = "127.0.0.1:5001"
                        insecure = true

                        [[registry.mirror]]
                        location = "weir.corp:5000/lab"
                        insecure = true

                        [[registry]]
                        prefix = "docker.io"
                        location = "docker.io"

                        [[registry.mirror]]
                        location = "weir.corp:5000/docker.io"
                        insecure = true

                        [[registry]]
                        prefix = "ghcr.io"
                        location = "ghcr.io"

                        [[registry.mirror]]
                        location = "weir.corp:5000/ghcr.io"
                        insecure = true

                        [[registry]]
                        location = "weir.corp:5000"
                        insecure = true

                        """)
            ])
    }

    @Test func `podman without fallback never leaves Weir`() throws {
        let content = try client(
            .podman, usesTLS: true, fallsBack: false, yaml: "wellKnownRegistries: [docker.io]"
        ).files.first?.content
        #expect(
            content == """
                [[registry]]
                prefix = "docker.io"
                location = "weir.corp:5000/docker.io"

                [[registry]]
                location = "weir.corp:5000"

                """)
    }

    @Test func `text from outside cannot leave its quotes`() throws {
        let files = try client(.containerd, usesTLS: true, authority: "/a\"\nserver = \"evil").files
        #expect(files.first?.content.contains(#"ca = "/a\"\nserver = \"evil""#) == true)
    }
}
