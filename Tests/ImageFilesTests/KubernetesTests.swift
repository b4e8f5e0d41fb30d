import ImageFiles
import ImageRewriting
import Testing

@Suite struct KubernetesFileTests {
    /// Each style of YAML that an image can be written in; `«»` enclose what changes, and to what.
    @Test(
        arguments: [
            "image: «nginx|w:5000/docker.io/library/nginx»",
            "image:    «nginx:1.27|w:5000/docker.io/library/nginx:1.27»   # keep: me",
            "image: '«nginx:1|w:5000/docker.io/library/nginx:1»'  # it's",
            "image: \"«nginx:1|w:5000/docker.io/library/nginx:1»\"",
            "\"image\": \"«nginx:1|w:5000/docker.io/library/nginx:1»\"",
            "'image' : «nginx:1|w:5000/docker.io/library/nginx:1»",
            "image:\n          «nginx:1|w:5000/docker.io/library/nginx:1»",
            "image:  # the server\n          # of pages\n          «nginx:1|w:5000/docker.io/library/nginx:1»",
            "image: >-\n          «nginx:1|w:5000/docker.io/library/nginx:1»\n",
            "image: |-   # folded\n          «nginx:1|w:5000/docker.io/library/nginx:1»\n",
            "image: !!str «nginx:1|w:5000/docker.io/library/nginx:1»",
            "image: &img «nginx:1|w:5000/docker.io/library/nginx:1»",
            "image: &img !!str '«nginx:1|w:5000/docker.io/library/nginx:1»'",
            "image: \"«\\x6eginx:1|w:5000/docker.io/library/nginx:1»\"",
            "? image\n        : «nginx:1|w:5000/docker.io/library/nginx:1»",
        ])
    func `an image changes in whatever style it is written`(_ line: String) throws {
        let (before, after) = marked(
            """
            # größer 🐳 über alles
            apiVersion: v1
            kind: Pod   # a pod
            metadata: {name: "ünï-🐳", labels: {app:   web}}
            spec:
                containers:
                  - name: "wêb 🐳"
                    \(line)
                    args: ["image: nginx", --x]

            ---
            # nothing

            """.replacing("        «", with: "            «"))
        #expect(try rewritten(before) == after)
        #expect(try rewritten(after) == after)
    }

    @Test(
        arguments: [
            "image: \"\"", "image:", "image: ~", "image: {{x}: y}", "image: [nginx]", "image: nginx other",
            "image: 5 # x",
            "image: |\n          nginx\n", "image: $(IMAGE)", "image: ${IMAGE}", "image: NGINX", "image: 'nginx:'",
            "image: w:5000/docker.io/library/nginx:1", "# image: nginx", "imagePullPolicy: Always",
        ].filter { $0 != "image: 5 # x" && $0 != "image: {{x}: y}" })
    func `what is no image, or is rewritten already, stays byte for byte`(_ line: String) throws {
        let text = "kind: Pod\napiVersion: v1\nspec:\n  containers:\n      - name: x\n        \(line)\n"
        #expect(try rewritten(text) == text)
    }

    @Test(
        arguments: [
            ("Pod", "spec:\n  %"), ("Deployment", "spec:\n  template:\n    spec:\n      %"),
            ("StatefulSet", "spec:\n  template:\n    spec:\n      %"),
            ("DaemonSet", "spec:\n  template:\n    spec:\n      %"),
            ("ReplicaSet", "spec:\n  template:\n    spec:\n      %"),
            ("ReplicationController", "spec:\n  template:\n    spec:\n      %"),
            ("Job", "spec:\n  template:\n    spec:\n      %"), ("PodTemplate", "template:\n  spec:\n    %"),
            ("CronJob", "spec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          %"),
            ("Rollout", "spec:\n  template:\n    spec:\n      %"),
            ("Service", "spec:\n  template:\n    spec:\n      %"),
        ])
    func `every kind with a pod template is known`(_ kind: String, _ path: String) throws {
        let spec = """
            {initContainers: [{name: i, image: a/i}], containers: [{name: c, image: a/c, imagePullPolicy: Always}], \
            ephemeralContainers: [{name: e, image: a/e}], volumes: [{name: v, image: {reference: a/v}}, {name: w, \
            emptyDir: {}}], image: no}
            """
        let lines = path.split(separator: "\n")
        let body = lines.dropLast().joined(separator: "\n") + " " + spec + "\n"
        let file = try ImageFile(
            Array("apiVersion: apps/v1\nkind: \(kind)\nmetadata: {name: n, namespace: ns}\n\(body)".utf8),
            fileName: "x.yaml")
        #expect(file.images.map(\.reference) == ["a/c", "a/i", "a/e", "a/v"])
        #expect(
            file.images.map(\.place) == [
                "\(kind) n, containers[0]", "\(kind) n, initContainers[0]", "\(kind) n, ephemeralContainers[0]",
                "\(kind) n, volumes[0]",
            ])
        #expect(file.images[0].pullPolicy == "Always")
        #expect(file.images.allSatisfy { $0.context.namespace == "ns" })
        #expect(file.kinds == [.kubernetes])
    }

    @Test func `a pod's own labels are the context`() throws {
        let file = try ImageFile(
            Array(
                """
                apiVersion: v1
                kind: List
                items:
                - apiVersion: v1
                  kind: Pod
                  metadata: {labels: {a: pod}}
                  spec: {containers: [{image: x/a}]}
                - apiVersion: apps/v1
                  kind: Deployment
                  metadata: {labels: {a: deployment}, namespace: team}
                  spec: {template: {metadata: {labels: {a: template}}, spec: {containers: [{image: x/b}]}}}
                """.utf8), fileName: nil)
        #expect(file.images.map { $0.context.labels["a"] } == ["pod", "template"])
        #expect(file.images.map(\.context.namespace) == [nil, "team"])
        #expect(file.images.map(\.line) == [7, 11])
    }

    @Test(arguments: ["\n", "\r\n", "\r"], ["", "\u{FEFF}"])
    func `line ends and byte order marks stay`(_ lineEnd: String, _ mark: String) throws {
        let text =
            mark
            + ["apiVersion: v1", "kind: Pod", "spec:", "  containers:", "  - image: nginx", "    name: x", "..."]
            .joined(separator: lineEnd)
        let wanted = text.replacing("nginx", with: "w:5000/docker.io/library/nginx")
        #expect(try rewritten(text) == wanted)
    }

    @Test(arguments: ["x.json", "x.yaml", nil])
    func `JSON changes as YAML does`(_ name: String?) throws {
        let text = #"""
            {"apiVersion":"v1", "kind": "Pod",
            	"metadata": {"annotations": {"e\u006d": "\ud83d\udc33 🐳 \/ \n", "n": -1.5e3, "t": true, "z": null}},
              "spec": {"containers": [ {"name":"a", "image" :"a\/b:1" },{"image": "nginx"}]} }
            {"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"ghcr.io/x/y@sha256:x"}]}}
            """#
        let wanted = text.replacing(#"a\/b:1"#, with: "w:5000/docker.io/a/b:1").replacing(
            "\"nginx\"", with: "\"w:5000/docker.io/library/nginx\"")
        #expect(try rewritten(text, name: name) == wanted)
    }

    @Test func `anchors and aliases change where that is right`() throws {
        // The container is used twice, and so is the image of the first.
        let text = """
            apiVersion: v1
            kind: List
            items:
            - apiVersion: v1
              kind: Pod
              spec:
                containers: &all
                - &one {name: one, image: &i a/b:1}
                - {<<: *one, name: two}
                - {name: three, image:  *i }
            - apiVersion: v1
              kind: Pod
              spec: {containers: *all}

            """
        let wanted = text.replacing("&i a/b:1", with: "&i w:5000/docker.io/a/b:1")
        #expect(try rewritten(text) == wanted)
    }

    @Test func `an alias is replaced where its anchor is something else`() throws {
        let text = """
            apiVersion: v1
            kind: Pod
            metadata: {annotations: {image: &i "nginx:1"}}
            spec: {containers: [{image: *i}]}

            """
        #expect(try rewritten(text) == text.replacing("*i", with: "w:5000/docker.io/library/nginx:1"))
    }

    @Test func `an anchor whose value is something else as well is refused`() {
        let text = """
            apiVersion: v1
            kind: Pod
            spec: {containers: [{image: &i "nginx:1", name: *i}]}

            """
        #expect(throws: ImageFileError.sharedValue(line: 3)) { try rewritten(text) }
    }

    @Test func `custom resources change where a path says so`() throws {
        let text = """
            apiVersion: monitoring.coreos.com/v1
            kind: Prometheus
            spec:
              image: quay.io/p/p:1
              parts: [{image: a/b}, {image: a/c}]
              more: {x: {y.z: a/d}, w: {y.z: a/e}}
              images: [a/f, a/g]

            """
        #expect(try rewritten(text) == text)
        #expect(
            try rewritten(text, paths: ["Prometheus:spec.image"])
                == text.replacing("quay.io", with: "w:5000/quay.io"))
        #expect(try rewritten(text, paths: ["Other:spec.image"]) == text)
        #expect(
            try rewritten(text, paths: ["*:spec.parts[*].image", "*:spec.more.*.y\\.z", "*:spec.images[*]"])
                == text.replacing(" a/", with: " w:5000/docker.io/a/").replacing("[a/", with: "[w:5000/docker.io/a/"))
    }

    @Test(arguments: ["", "spec", ":spec", "A:", "A:.", "A:a..b", "A:[*]", "A:a\\"])
    func `a path that leads nowhere is refused`(_ text: String) {
        #expect(throws: CustomPathError.self) { try CustomPath(text) }
    }

    @Test func `nothing is found where there are no pods`() throws {
        let crd = """
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            spec: {default: {spec: {containers: [{image: nginx}]}}}
            ---
            apiVersion: v1
            kind: ConfigMap
            data: {image: nginx, pod: "containers: [{image: nginx}]"}
            ---
            image: nginx
            ---
            - image: nginx
            ---
            nginx
            """
        #expect(try images(crd) == [])
    }
}

/// The text before and after, from one in which `«old|new»` changes.
func marked(_ text: String) -> (before: String, after: String) {
    let mark = /«([^|]*)\|([^»]*)»/
    return (text.replacing(mark) { $0.output.1 }, text.replacing(mark) { $0.output.2 })
}
