import Foundation
import ImageRewriting
import OCI
import Testing
import Yams

@testable import Commands

/// The commands that read files, run as the program itself.
@Suite struct RewriteTests {
    private static let pod = """
        apiVersion: v1
        kind: Pod
        metadata: {name: web}
        spec:
          containers:
          - image: 'nginx:1.27'   # the server
            name: web

        """
    private static let rewrittenPod = pod.replacing("nginx:1.27", with: "w:5000/docker.io/library/nginx:1.27")
    private static let environment = ["HOME": "/home/me"]

    private func run(_ arguments: [String], in folder: Folder, input: String = "") async throws -> ProgramTests.Outcome
    {
        try await ProgramTests.run(
            arguments, environment: Self.environment, directory: folder.path, input: input)
    }

    @Test(.timeLimit(.minutes(1)), arguments: [[], ["-"]])
    func `standard input is rewritten to standard output`(_ paths: [String]) async throws {
        let arguments = ["rewrite", "--address", "w:5000"] + paths
        let outcome = try await run(arguments, in: Folder(), input: Self.pod)
        #expect(outcome.code == 0)
        #expect(outcome.output == Self.rewrittenPod)
        #expect(outcome.errors == "")
        #expect(try await run(arguments, in: Folder(), input: Self.rewrittenPod).output == Self.rewrittenPod)
    }

    @Test(.timeLimit(.minutes(1))) func `a ResourceList comes back as one`() async throws {
        let list = """
            apiVersion: config.kubernetes.io/v1
            kind: ResourceList
            functionConfig: {apiVersion: weir/v1, kind: Rewrite, spec: {containers: [{image: nginx}]}}
            items:
            - apiVersion: apps/v1
              kind: Deployment
              spec: {template: {spec: {containers: [{name: a, image: nginx}]}}}

            """
        let outcome = try await run(["rewrite", "--address", "w:5000"], in: Folder(), input: list)
        #expect(outcome.code == 0)
        #expect(
            outcome.output
                == list.replacing("name: a, image: nginx", with: "name: a, image: w:5000/docker.io/library/nginx"))
    }

    @Test(.timeLimit(.minutes(1))) func `files are compared, checked, written and turned back`() async throws {
        let folder = try Folder()
        try folder.write(Self.pod, to: "pod.yaml")
        try folder.write("# no image: here\na: 1\n", to: "other.yaml")
        try folder.write("image: {{ .Values.image }}\n", to: "template.yaml")
        let path = "\(folder.path)/pod.yaml"
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        let single = try await run(["rewrite", "--address", "w:5000", "pod.yaml"], in: folder)
        #expect(single.output == Self.rewrittenPod)
        let diff = try await run(["rewrite", "--address", "w:5000", "--diff", "."], in: folder)
        #expect(diff.code == 0)
        #expect(
            diff.output == """
                --- a/./pod.yaml
                +++ b/./pod.yaml
                @@ -3,5 +3,5 @@
                 metadata: {name: web}
                 spec:
                   containers:
                -  - image: 'nginx:1.27'   # the server
                +  - image: 'w:5000/docker.io/library/nginx:1.27'   # the server
                     name: web

                """)
        let check = try await run(["rewrite", "--address", "w:5000", "--check", "."], in: folder)
        #expect(check.code == 1)
        #expect(check.output == "./pod.yaml:6: nginx:1.27 -> w:5000/docker.io/library/nginx:1.27\n")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == Self.pod)
        let written = try await run(["rewrite", "--address", "w:5000", "--in-place", "."], in: folder)
        #expect(written.code == 0)
        #expect(written.output == "./pod.yaml\n")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == Self.rewrittenPod)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o640)
        #expect(try await run(["rewrite", "--address", "w:5000", "--check", "."], in: folder).code == 0)
        let back = try await run(
            ["rewrite", "--address", "w:5000", "--reverse", "--short-names", "-i", "."], in: folder)
        #expect(back.code == 0)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == Self.pod)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 3)
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            ("compose.yaml", "services:\n  a: { image: nginx }\n  b:\n    image: a/b:${T:?x y}\n"),
            (
                "values.yaml",
                "image:\n  registry: docker.io\n  repository: bitnami/redis\nx: {image: {registry: docker.io, repository: library/nginx}}\ny:\n  image: {name: nginx, tag: 1}\n"
            ),
            (
                "pod.yaml",
                "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: &i nginx}, {image: *i}, {image: 3/a}]}\n"
            ),
            ("Dockerfile", "ARG B=alpine\nFROM ${B}:3\nFROM \"nginx\"\nFROM ${C:-redis:7}\n"),
        ])
    func `what is turned back is as it was, byte for byte`(_ name: String, _ text: String) async throws {
        let folder = try Folder()
        try folder.write(text, to: name)
        let there = try await run(["rewrite", "--address", "weir:5000", "--in-place", name], in: folder)
        #expect(there.code == 0 && there.output == "\(name)\n", "\(there)")
        let changed = try String(contentsOfFile: "\(folder.path)/\(name)", encoding: .utf8)
        #expect(changed.contains("weir:5000") && changed.contains("docker.io/"))
        let back = try await run(
            ["rewrite", "--address", "weir:5000", "--reverse", "--short-names", "--in-place", name], in: folder)
        #expect(back.code == 0, "\(back)")
        #expect(try String(contentsOfFile: "\(folder.path)/\(name)", encoding: .utf8) == text)
    }

    @Test(.timeLimit(.minutes(1))) func `a Kustomization's images keep their names in its manifests`() async throws {
        let folder = try Folder()
        try folder.write(Self.pod, to: "pod.yaml")
        try folder.write("resources: [pod.yaml]\nimages:\n- name: nginx\n  newTag: '1.28'\n", to: "kustomization.yaml")
        let outcome = try await run(["rewrite", "--address", "w:5000", "-i", "."], in: folder)
        #expect(outcome.code == 0)
        #expect(outcome.output == "./kustomization.yaml\n")
        let text = try String(contentsOfFile: "\(folder.path)/kustomization.yaml", encoding: .utf8)
        #expect(
            text
                == "resources: [pod.yaml]\nimages:\n- name: nginx\n  newName: w:5000/docker.io/library/nginx\n  newTag: '1.28'\n"
        )
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            (["rewrite", "x.yaml"], 2, "weir: nobody said where Weir is reached"),
            (["client-config", "kyverno"], 2, "weir: nobody said where Weir is reached"),
            (["client-config", "mutating-admission-policy"], 2, "weir: nobody said where Weir is reached"),
            (["rewrite", "--address", "weir", "pod.yaml"], 2, "weir: 'weir' cannot begin a reference"),
            (["rewrite", "--address", "a b", "pod.yaml"], 2, "weir: 'a b' is no address"),
            (["rewrite", "--address", "w:5000", "."], 2, "weir: these are several files"),
            (["rewrite", "--address", "w:5000", "--diff", "--check", "."], 2, "exclude each other"),
            (["rewrite", "--address", "w:5000", "--short-names"], 2, "--short-names goes with --reverse"),
            (["rewrite", "--address", "w:5000", "-i", "-"], 2, "'-' stands alone"),
            (["rewrite", "--address", "w:5000", "nothing.yaml"], 1, "weir: nothing.yaml: does not exist"),
            (["rewrite", "--address", "w:5000", "bad.yaml"], 1, "weir: bad.yaml: line 2, column 1: no YAML"),
            (["rewrite", "--address", "w:5000", "-i", "."], 1, "weir: ./bad.yaml: line 2, column 1: no YAML"),
            (["rewrite", "--address", "w:5000", "--image-path", "x", "pod.yaml"], 2, "weir: 'x' names no kind"),
            (["rewrite", "--address", "w:5000", "--kind", "x", "pod.yaml"], 2, "The value 'x' is invalid"),
            (["rewrite", "--harbor-webhook", "bad.yaml", "pod.yaml"], 2, "weir: bad.yaml:2: "),
            (["images", "bad.yaml"], 1, "weir: bad.yaml: line 2, column 1: no YAML"),
            (["images", "nothing.yaml"], 1, "weir: nothing.yaml: does not exist"),
        ] as [([String], Int32, String)])
    func `what cannot be done is told, and exits so`(
        _ arguments: [String], _ code: Int32, _ message: String
    ) async throws {
        let folder = try Folder()
        try folder.write(Self.pod, to: "pod.yaml")
        try folder.write("image: x\n\tb: c\n", to: "bad.yaml")
        let outcome = try await run(arguments, in: folder)
        #expect(outcome.code == code)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }

    @Test(.timeLimit(.minutes(1))) func `images are listed with what to mend`() async throws {
        let folder = try Folder()
        let digest = "sha256:" + String(repeating: "ab", count: 32)
        try folder.write(
            """
            apiVersion: v1
            kind: Pod
            spec:
              containers:
              - {image: nginx, imagePullPolicy: Always}
              - {image: "ghcr.io/a/b:1.2.3", imagePullPolicy: Always}
              - {image: "quay.io/a/b@\(digest)"}
              - {image: nginx}
            """, to: "pod.yaml")
        let arguments = ["images", ".", "--socket", "/nonexistent.sock"]
        let table = try await run(arguments, in: folder)
        #expect(table.code == 0)
        #expect(table.errors == "")
        #expect(table.output.hasPrefix("IMAGE"))
        #expect(!table.output.contains("CACHED"))
        #expect(table.output.contains("./pod.yaml:5 and 1 more"))
        let json = try await run(arguments + ["--json"], in: folder)
        let document = try #require(JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let images = try #require(document["images"] as? [[String: Any]])
        #expect(images.map { $0["image"] as? String } == ["nginx", "ghcr.io/a/b:1.2.3", "quay.io/a/b@\(digest)"])
        #expect(images.map { $0["registry"] as? String } == ["docker.io", "ghcr.io", "quay.io"])
        #expect(images.map { $0["isPinned"] as? Bool } == [false, false, true])
        let advice = images.map { ($0["advice"] as? [String]) ?? [] }
        #expect(advice[0] == ["the tag moves; pin a version or a digest"])
        #expect(advice[1].count == 2)
        #expect(advice[2] == [])
    }

    @Test(arguments: [("kyverno", "ClusterPolicy"), ("mutating-admission-policy", "MutatingAdmissionPolicy")])
    func `policies are files of Kubernetes, and name every registry`(_ engine: String, _ kind: String) throws {
        let service = try Folder().load(
            "wellKnownRegistries: [docker.io, ghcr.io]\nrules: { quay: { registry: quay.io } }"
        ).service
        let client = try ClientConfiguration(
            try #require(ClientConfiguration.Engine(rawValue: engine)),
            server: .init(address: try RegistryHost("w:5000"), usesTLS: false, authorityFile: nil),
            rules: service.rules, upstreams: service.upstreams, fallsBack: true, form: .prefix)
        let text = try #require(client.files.first?.content)
        #expect(text.contains("kind: \(kind)"))
        for place in [
            "w:5000/quay/", "w:5000/ghcr.io/", "w:5000/docker.io/library/", "ephemeralContainers", "initContainers",
        ] {
            #expect(text.contains(place), "\(place)")
        }
        // YAML, and with every document of the kind that it says.
        let documents = try Yams.load_all(yaml: text).map { $0 as? [String: Any] }
        #expect(documents.first??["kind"] as? String == kind)
        #expect(!documents.contains { $0 == nil })
    }

    /// Kyverno runs RE2; so does the rewriter, by an engine of Weir's own.
    @Test(
        arguments: [
            "nginx", "nginx:1.27", "docker.io/nginx:1", "index.docker.io/a/b", "docker.io/library/nginx", "a/b:1",
            "grafana/grafana@sha256:\(String(repeating: "ab", count: 32))", "ghcr.io/a/b/c:1", "unknown.io/a/b",
            "localhost/x/y", "localhost:5000/x", "w:5000/docker.io/library/nginx:1", "quay.iox/a",
        ])
    func `the Kyverno policy makes what the rewriter makes`(_ image: String) throws {
        let service = try Folder().load("rewrite: { address: w:5000 }").service
        let policy = try ClientConfiguration(
            .kyverno, server: .init(address: try RegistryHost("w:5000"), usesTLS: false, authorityFile: nil),
            rules: service.rules, upstreams: service.upstreams, fallsBack: true)
        let text = try #require(policy.files.first?.content)
        let change = #/regex_replace_all\('([^']+)', element\.image, '([^']+)\$1'\)/#
        var results: Set<String> = []
        for match in text.matches(of: change) where !(image.hasPrefix("localhost/") && match.output.1.contains("A-Z")) {
            let groups = try Pattern(String(match.output.1)).firstMatch(in: PatternInput(image))
            if let rest = groups?[1] { results.insert(match.output.2 + rest) }
        }
        let wanted = try service.rewrite.rewriter(service.rules).rewriting(of: image).image
        #expect(results == (wanted == image ? [] : [wanted]))
    }
}
