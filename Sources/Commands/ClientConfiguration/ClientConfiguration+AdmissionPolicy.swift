internal import ImageRewriting

extension ClientConfiguration {
    /// A MutatingAdmissionPolicy for all rules, and its binding (Kubernetes, "Mutating Admission Policy").
    ///
    /// It is CEL within the API server: no webhook, no certificate, no network.
    ///
    /// - Parameter namespaces: where nothing is changed.
    static func mutatingAdmissionPolicy(
        _ mappings: [PrefixMapping], sparing namespaces: [String]
    ) -> ClientConfiguration {
        var text = """
            # Has every pod pull through Weir. Written by 'weir client-config mutating-admission-policy'.
            #
            # Kubernetes 1.34 has the API as v1beta1, behind the feature gate MutatingAdmissionPolicy and
            # --runtime-config=admissionregistration.k8s.io/v1beta1=true; 1.36 has it as v1, on by itself.
            apiVersion: admissionregistration.k8s.io/v1beta1
            kind: MutatingAdmissionPolicy
            metadata:
              name: weir-images
            spec:
              # Where an expression fails pods start with the images that were written.
              failurePolicy: Ignore
              # Another webhook may add containers afterwards; a second run changes no image that the first one did.
              reinvocationPolicy: IfNeeded
              matchConstraints:
                # A cluster that cannot pull its own parts, and Weir, cannot mend itself.
                namespaceSelector:
                  matchExpressions:
                  - {key: kubernetes.io/metadata.name, operator: NotIn, values: [\(namespaces.joined(separator: ", "))]}
                resourceRules:
                # On CREATE alone: a changed image on UPDATE would restart a running container.
                - apiGroups: [""]
                  apiVersions: [v1]
                  operations: [CREATE]
                  resources: [pods]
                # kubectl debug updates this resource; there is no CREATE of it.
                - apiGroups: [""]
                  apiVersions: [v1]
                  operations: [UPDATE]
                  resources: [pods/ephemeralcontainers]
              # An apply configuration names the fields to set, as in server-side apply (kubernetes.io, "Mutating
              # Admission Policy"). These lists are maps by 'name' to the API server, so that every entry is merged into
              # the container of its name, and nothing else of that changes. An 'Object' without fields changes
              # nothing. Images are compared and put together as texts (kubernetes.io, "Common Expression Language in
              # Kubernetes": startsWith, contains, matches, substring): tag and digest stay as they are.
              mutations:

            """
        let onCreate = "request.operation == 'CREATE'"
        for list in ["containers", "initContainers"] {
            text += mutation(
                list, condition: "\(onCreate) && has(object.spec.\(list))", filter: "has(c.image)", image: "c.image",
                type: "Object.spec.\(list)", mappings, why: nil)
        }
        text += mutation(
            "ephemeralContainers", condition: "request.operation == 'UPDATE' && has(object.spec.ephemeralContainers)",
            filter: "!has(oldObject.spec.ephemeralContainers) || "
                + "!oldObject.spec.ephemeralContainers.exists(o, o.name == c.name)",
            image: "c.image", type: "Object.spec.ephemeralContainers", mappings,
            why: "What is there already must not change: the API server refuses it.")
        text += mutation(
            "volumes", condition: "\(onCreate) && has(object.spec.volumes)",
            filter: "has(c.image) && has(c.image.reference)", image: "c.image.reference", type: "Object.spec.volumes",
            mappings, why: "Volumes that are images.")
        text += """
            ---
            apiVersion: admissionregistration.k8s.io/v1beta1
            kind: MutatingAdmissionPolicyBinding
            metadata:
              name: weir-images
            spec:
              policyName: weir-images

            """
        return ClientConfiguration(
            files: [File(path: "weir-admission-policy.yaml", content: text)],
            notes: [
                "Apply it with: kubectl apply -f weir-admission-policy.yaml",
                "Nodes have to trust Weir's address: run 'weir client-config containerd' for them.",
            ])
    }

    private static func mutation(
        _ list: String, condition: String, filter: String?, image: String, type: String, _ mappings: [PrefixMapping],
        why: String?
    ) -> String {
        let filtered = "object.spec.\(list)" + (filter.map { ".filter(c, \($0))" } ?? "")
        let new = expression(image, mappings)
        let fields =
            list == "volumes"
            ? "name: c.name, image: \(type).image{reference: (\n\(indented(new, by: 6))    )}"
            : "name: c.name, image: (\n\(indented(new, by: 4))  )"
        let cel = """
            \(condition) ? Object{spec: Object.spec{\(list):
              \(filtered).map(c, \(type){\(fields)})
            }} : Object{}

            """
        return """
            \(why.map { "  # \($0)\n" } ?? "")  - patchType: ApplyConfiguration
                applyConfiguration:
                  expression: |
            \(indented(cel, by: 8))
            """
    }

    /// The image after rewriting, as CEL. Tag and digest are part of the text that stays.
    private static func expression(_ image: String, _ mappings: [PrefixMapping]) -> String {
        var text = ""
        for mapping in mappings where !mapping.isDockerHub {
            text +=
                "\(image).startsWith('\(mapping.from)') ? '\(mapping.to)' + \(image).substring(\(mapping.from.utf8.count)) :\n"
        }
        guard let hub = mappings.first(where: \.isDockerHub) else { return text + "\(image)\n" }
        text += "!\(image).contains('/') ? '\(hub.to)library/' + \(image) :\n"
        for name in ["docker.io/", "index.docker.io/"] {
            let rest = "\(image).substring(\(name.utf8.count))"
            text +=
                "\(image).startsWith('\(name)') ? '\(hub.to)' + (\(rest).contains('/') ? '' : 'library/') + \(rest) :\n"
        }
        // What is before the first '/' is a host where it has a dot, a port or a capital, or is localhost.
        text += "!\(image).matches('^([^/]*[.:A-Z][^/]*|localhost)/') ? '\(hub.to)' + \(image) :\n"
        return text + "\(image)\n"
    }
}
