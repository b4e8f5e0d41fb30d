import ImageFiles
import Testing

@Suite struct OtherKindsTests {
    /// Each as it is written, with `«old|new»` for what changes.
    static let files: [(name: String?, text: String)] = [
        (
            "values.yaml",
            """
            # Bitnami's convention
            global: {imageRegistry: "", imagePullSecrets: []}
            image:
              registry: «docker.io|w:5000»   # where from
              repository: «bitnami/redis|docker.io/bitnami/redis»
              tag: 7.2.4-debian-12-r9
              digest: ""
              pullPolicy: IfNotPresent
            metrics:
              image: {registry: "«quay.io|w:5000»", repository: '«a/b|quay.io/a/b»', tag: "1"}
            # the repository alone
            controller:
              image:
                repository: «registry.k8s.io/ingress-nginx/controller|w:5000/registry.k8s.io/ingress-nginx/controller»
                tag: 1.10
            sidecar: {repository: «grafana/agent|w:5000/docker.io/grafana/agent», tag: v1, registry: ""}
            curl: {image: {name: «curlimages/curl|w:5000/docker.io/curlimages/curl», tag: 8}}
            # whole references
            busyboxImage: «busybox:1.36|w:5000/docker.io/library/busybox:1.36»
            extra: [{name: x, image: «ghcr.io/a/b:1|w:5000/ghcr.io/a/b:1»}]
            # none
            chart: {repository: https://charts.example/x, tag: 1}
            git: {repository: git@github.com:x/y.git, tag: main}
            enabled: {image: true, someImage: ""}
            imageName: nginx
            tagged: {image: {repository: "a/b:1", tag: 2}}
            templated: {image: "{{ .Values.image }}"}

            """
        ),
        (
            "kustomization.yaml",
            """
            resources: [a.yaml]
            images:
            - name: nginx    # the server
              newTag: "1.27"
            «|»- newName: «my/redis|w:5000/docker.io/my/redis»
              name: redis
            - {name: a/b, digest: sha256:\(digest)«|»}
            """
        ),
        (
            "compose.yaml",
            """
            name: shop
            x-base: &base
              image: «a/base:1|w:5000/docker.io/a/base:1»
              restart: always
            services:
              web: {image: "«nginx:${TAG:-1.27}|w:5000/docker.io/library/nginx:${TAG:-1.27}»"}
              app:
                <<: *base
                environment: {image: nginx}
              worker: {<<: *base}
              own:
                build: {context: ., args: {BASE: nginx}}
                image: my/own:1
              standard: {image: "«${IMAGE:-nginx:1}|${IMAGE:-w:5000/docker.io/library/nginx:1}»"}
              standard2:
                image: «${IMAGE-a/b}|${IMAGE-w:5000/docker.io/a/b}»
              plain:
                image: «quay.io/a/b:${TAG:?is needed}|w:5000/quay.io/a/b:${TAG:?is needed}»
              open: {image: "${IMAGE:-}"}
              open1: {image: "${IMAGE:-${OTHER}}"}
              open2: {image: "${REGISTRY}/a/b:1"}
              tagged: {image: "«a/b:${TAG}|w:5000/docker.io/a/b:${TAG}»"}
              digested: {image: 'a/b$$x'}
            volumes: {image: {}}

            """
        ),
        (
            "Dockerfile",
            """
            # syntax=«docker/dockerfile:1|w:5000/docker.io/docker/dockerfile:1»
            # escape=\\
            # FROM comment
            ARG BASE=«alpine:3|w:5000/docker.io/library/alpine:3»
            ARG QUOTED="«debian:12|w:5000/docker.io/library/debian:12»"
            ARG VERSION=1.22
            ARG REGISTRY=docker.io
            ARG NAME=«a/named|w:5000/docker.io/a/named» EMPTY= PART=redis
            FROM --platform=$BUILDPLATFORM «golang:${VERSION}-alpine|w:5000/docker.io/library/golang:${VERSION}-alpine» AS Build
            RUN --mount=type=bind,from=«a/tools|w:5000/docker.io/a/tools»,target=/x \\
                --mount=type=cache,target=/y \\
                # comment in between

                make FROM x
            RUN <<EOF
            FROM nginx
            COPY --from=redis /a /b
            EOF
            from   «nginx|w:5000/docker.io/library/nginx»   as web
            COPY --from=build --chown=1 /a /b
            COPY --from=0 /a /b
            COPY --from=«busybox:1@sha256:\(digest)|w:5000/docker.io/library/busybox:1@sha256:\(digest)» /bin/sh /
            FROM $BASE
            FROM ${QUOTED} AS q
            FROM web
            FROM scratch
            FROM ${REGISTRY}/library/redis
            FROM $NAME:${VERSION}
            FROM ${NAME:-other}:2
            FROM $PART
            FROM x/${PART}
            FROM «${EMPTY:-mysql:8}|${EMPTY:-w:5000/docker.io/library/mysql:8}»
            FROM "«postgres:16|w:5000/docker.io/library/postgres:16»"
            ONBUILD COPY --from=«perl:5|w:5000/docker.io/library/perl:5» /a /b
            FROM \\
              «ghcr.io/x/y|w:5000/ghcr.io/x/y» \\
              AS last
            CMD ["FROM", "nginx"]
            """
        ),
    ]
    static let digest = String(repeating: "0f", count: 32)

    @Test(arguments: files.map(\.name), ["\n", "\r\n"])
    func `only images change`(_ name: String?, _ lineEnd: String) throws {
        guard let file = Self.files.first(where: { $0.name == name }) else { return }
        var (before, after) = marked(file.text)
        if name == "kustomization.yaml" {
            after = after.replacing(
                "# the server\n", with: "# the server\n  newName: w:5000/docker.io/library/nginx\n")
            after = after.replacing("name: a/b,", with: "name: a/b, newName: w:5000/docker.io/a/b,")
        }
        before = before.replacing("\n", with: lineEnd)
        after = after.replacing("\n", with: lineEnd)
        #expect(try rewritten(before, name: name) == after)
        #expect(try rewritten(after, name: name) == after)
    }

    @Test func `Dockerfiles and Compose files are known by what is in them`() throws {
        #expect(try images("# x\nARG A=1\nFROM nginx:1\n", name: nil) == ["nginx:1"])
        #expect(try images("FROM: nginx\n", name: nil) == [])
        #expect(try images("services: {a: {image: nginx}}", name: nil) == ["nginx"])
        #expect(try images("services: {a: {host: nginx}}", name: nil) == [])
        #expect(try images("image: nginx", name: nil) == [])
        #expect(try images("image: nginx", name: nil, kind: .helmValues) == ["nginx"])
        #expect(try images("FROM nginx", name: "x", kind: .dockerfile) == ["nginx"])
    }

    @Test(
        arguments: [
            ("Dockerfile", .dockerfile), ("Dockerfile.dev", .dockerfile), ("a.dockerfile", .dockerfile),
            ("Containerfile", .dockerfile), ("kustomization.yml", .kustomize), ("Kustomization", .kustomize),
            ("compose.yaml", .compose), ("docker-compose.prod.yml", .compose), ("compose.prod.yaml", .compose),
            ("values.yaml", .helmValues), ("values-prod.yaml", .helmValues), ("prod-values.yml", .helmValues),
            ("deployment.yaml", nil), ("x.json", nil), ("evalues.yaml", nil), ("composer.json", nil),
            ("README.md", nil),
        ] as [(String, FileKind?)])
    func `a file's name says what it is`(_ name: String, _ kind: FileKind?) {
        #expect(FileKind(fileName: name) == kind)
    }

    @Test func `of a variable's default each use is listed with its own tag`() throws {
        let text = "ARG BASE=a/b\nFROM $BASE:1\nFROM ${BASE}:2\nFROM $BASE:1\n"
        #expect(try images(text, name: "Dockerfile") == ["a/b:1", "a/b:2", "a/b:1"])
        #expect(try rewritten(text, name: "Dockerfile") == text.replacing("=a/b", with: "=w:5000/docker.io/a/b"))
        // Two registries for one name would be two defaults.
        let file = try ImageFile(Array(text.utf8), fileName: "Dockerfile", options: .init())
        #expect(throws: ImageFileError.self) {
            try file.replacing { $0.reference == "a/b:1" ? "x/a/b:1" : "y/a/b:2" }
        }
    }

    @Test func `listed references have what stands apart put together`() throws {
        let values = "image: {registry: quay.io, repository: a/b, tag: 1.10, digest: sha256:\(Self.digest)}"
        #expect(try images(values, name: "values.yaml") == ["quay.io/a/b:1.10@sha256:\(Self.digest)"])
        let entry = "images: [{name: nginx, newName: a/b, newTag: 1.10}, {name: x, digest: 'sha256:\(Self.digest)'}]"
        #expect(try images(entry, name: "kustomization.yaml") == ["a/b:1.10", "x@sha256:\(Self.digest)"])
        let file = "ARG V=1\nARG I=b/c:2\nFROM a/b:$V\nFROM a/b:${W}\nFROM a/b:${W:-3}-x\nFROM ${I}\nFROM $J\n"
        #expect(
            try images(file, name: "Dockerfile") == ["a/b:1", "a/b", "a/b:3-x", "b/c:2", "$J"])
    }
}
