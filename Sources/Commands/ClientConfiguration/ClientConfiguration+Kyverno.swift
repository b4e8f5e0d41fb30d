internal import ImageRewriting

extension ClientConfiguration {
    /// One Kyverno ClusterPolicy for all rules.
    ///
    /// Images are compared and changed as texts. Kyverno's own `images` variable would put them together from registry,
    /// path and tag, which loses digests beside tags; `imageRegistry` lookups would need the network.
    ///
    /// - Parameter namespaces: where nothing is changed.
    static func kyverno(_ mappings: [PrefixMapping], sparing namespaces: [String]) -> ClientConfiguration {
        // An address in brackets would need escapes that neither YAML nor JMESPath leaves alone.
        let mappings = mappings.filter { !$0.from.hasPrefix("[") }
        var text = """
            # Has every pod pull through Weir. Written by 'weir client-config kyverno'; needs Kyverno 1.10 or later.
            #
            # One rule for pods and one for ephemeral containers, which are another resource (pods/ephemeralcontainers,
            # changed by 'kubectl debug'). Every 'foreach' entry changes the images of one registry, as texts: tag and
            # digest stay as they are, and no registry is asked (kyverno.io, "Mutate Rules", "foreach"). Which entry is
            # an image's is told by 'regex_match', and what becomes of it by 'regex_replace_all', both with RE2's
            # expressions (kyverno.io, "JMESPath"). They are given 'element.image' itself and not its text, so that no
            # image is taken for a part of an expression. A patch names the container, by which lists are merged, and
            # its image; no more. A changed image begins with Weir's address, which no expression matches, so that a
            # second run changes nothing.
            apiVersion: kyverno.io/v1
            kind: ClusterPolicy
            metadata:
              name: weir-images
              annotations:
                # Kyverno would copy the rules to Deployments and other controllers, and change those as well. Their pods
                # are changed when they are made; the objects that people wrote stay as they are.
                pod-policies.kyverno.io/autogen-controllers: none
            spec:
              # Objects that exist already are left alone: a policy for new pods.
              background: false
              # While Kyverno is down or fails pods start with the images that were written.
              failurePolicy: Ignore
              rules:

            """
        text += rule(
            "pods", kind: "Pod", operations: "CREATE", lists: ["containers", "initContainers", "volumes"], mappings,
            sparing: namespaces,
            why: """
                # On CREATE alone: a changed image on UPDATE would restart a running container.

                """, guarding: "")
        text += rule(
            "ephemeral-containers", kind: "Pod/ephemeralcontainers", operations: "UPDATE",
            lists: ["ephemeralContainers"], mappings, sparing: namespaces,
            why: """
                # kubectl debug updates this resource; there is no CREATE of it.

                """,
            guarding: """
                # What is there already must not change: the API server refuses it.
                - key: "{{ element.name }}"
                  operator: AnyNotIn
                  value: "{{ request.oldObject.spec.ephemeralContainers[].name || `[]` }}"

                """)
        return ClientConfiguration(
            files: [File(path: "weir-kyverno.yaml", content: text)],
            notes: [
                "Apply it with: kubectl apply -f weir-kyverno.yaml",
                "Nodes have to trust Weir's address: run 'weir client-config containerd' for them.",
            ])
    }

    private static func rule(
        _ name: String, kind: String, operations: String, lists: [String], _ mappings: [PrefixMapping],
        sparing namespaces: [String], why: String, guarding: String
    ) -> String {
        var text = """
            - name: \(name)
              match:
                any:
                - resources:
                    kinds: [\(kind)]
            \(indented(why, by: 8))        operations: [\(operations)]
              exclude:
                any:
                - resources:
                    # A cluster that cannot pull its own parts, and Weir, cannot mend itself.
                    namespaces: [\(namespaces.joined(separator: ", "))]
              mutate:
                foreach:

            """
        for list in lists {
            for mapping in mappings {
                for expression in expressions(mapping) { text += entry(list, expression, guarding: guarding) }
            }
        }
        return indented(text, by: 2)
    }

    private struct TextChange {
        /// RE2, as Kyverno's `regex_replace_all` has it; one group.
        let pattern: String
        /// What must not match beside; nil: nothing.
        var exception: String?
        let prefix: String
        let comment: String
    }

    private static func expressions(_ mapping: PrefixMapping) -> [TextChange] {
        let escaped = mapping.from.replacing(".", with: "[.]")
        guard mapping.isDockerHub else {
            return [TextChange(pattern: "^\(escaped)(.+)$", prefix: mapping.to, comment: mapping.from)]
        }
        return [
            TextChange(pattern: "^([^/]+)$", prefix: "\(mapping.to)library/", comment: "nginx"),
            TextChange(
                pattern: "^(?:index[.])?docker[.]io/([^/]+)$", prefix: "\(mapping.to)library/",
                comment: "docker.io/nginx"),
            TextChange(
                pattern: "^(?:index[.])?docker[.]io/(.+/.+)$", prefix: mapping.to, comment: "docker.io/library/nginx"),
            TextChange(
                pattern: "^([^/.:A-Z]+/.+)$", exception: "^localhost/", prefix: mapping.to,
                comment: "grafana/grafana: what is before the first '/' is no host"),
        ]
    }

    private static func entry(_ list: String, _ change: TextChange, guarding: String) -> String {
        // A volume may be an image too, and most are none.
        let isVolume = list == "volumes"
        let image = isVolume ? "element.image.reference" : "element.image"
        let result = "{{ regex_replace_all('\(change.pattern)', \(image), '\(change.prefix)$1') }}"
        var conditions = """
            - key: "{{ regex_match('\(change.pattern)', \(image)) }}"
              operator: Equals
              value: true

            """
        if let exception = change.exception {
            conditions += """
                - key: "{{ regex_match('\(exception)', \(image)) }}"
                  operator: Equals
                  value: false

                """
        }
        conditions += guarding
        return """
                # \(change.comment)
                - list: request.object.spec.\(list)\(isVolume ? "[?image.reference]" : "") || `[]`
                  preconditions:
                    all:
            \(indented(conditions, by: 8))      patchStrategicMerge:
                    spec:
                      \(list):
                      - name: "{{ element.name }}"
                        image: \(isVolume ? "{reference: \"\(result)\"}" : "\"\(result)\"")

            """
    }

    static func indented(_ text: String, by count: Int) -> String {
        let margin = String(repeating: " ", count: count)
        return text.split(separator: "\n").map { "\(margin)\($0)\n" }.joined()
    }
}
