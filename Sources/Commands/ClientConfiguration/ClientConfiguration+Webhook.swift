internal import AdmissionWebhook
internal import JSON
internal import OCI

extension ClientConfiguration {
    /// How the webhook is registered in a cluster.
    struct WebhookRegistration: Hashable {
        /// Where Weir runs; its service there is called `weir-webhook`.
        var namespace = "weir"
        /// The PEM text of the authority that signed the webhook's certificate; nil where something in the cluster
        /// puts it in, such as cert-manager.
        var authority: [UInt8]?
        var excludedNamespaces: [String] = ["kube-system"]
        /// Where pods are left alone: Weir's own, and what is excluded.
        var sparedNamespaces: [String] { [namespace] + excludedNamespaces.filter { $0 != namespace } }
        var failure = WebhookSettings.FailureMode.open
        /// Whether there is a policy to judge by.
        var validates = false
    }

    /// MutatingWebhookConfiguration and ValidatingWebhookConfiguration (admissionregistration.k8s.io/v1).
    static func webhook(_ registration: WebhookRegistration) -> ClientConfiguration {
        var text = """
            # Has an API server ask Weir about pods. Written by 'weir client-config webhook'.
            # The service 'weir-webhook' in the namespace '\(registration.namespace)' leads to port 9443 of 'weir webhook'.

            """
        text += Self.registration("Mutating", path: "/mutate", registration)
        if registration.validates {
            text += "---\n" + Self.registration("Validating", path: "/validate", registration)
        }
        var notes = ["Apply it with: kubectl apply -f weir-webhook.yaml"]
        if registration.authority == nil {
            notes.append(
                "Without --tls-ca 'caBundle' is missing: give it, or let cert-manager put it in (the annotation is there)."
            )
        }
        return ClientConfiguration(files: [File(path: "weir-webhook.yaml", content: text)], notes: notes)
    }

    private static func registration(_ kind: String, path: String, _ registration: WebhookRegistration) -> String {
        let isMutating = kind == "Mutating"
        // Only a policy may stop pods while Weir is down; rewriting is for their good.
        let failurePolicy = registration.failure == .closed || !isMutating ? "Fail" : "Ignore"
        let namespaces = registration.sparedNamespaces
        var lines = [
            "apiVersion: admissionregistration.k8s.io/v1",
            "kind: \(kind)WebhookConfiguration",
            "metadata:",
            "  name: weir",
        ]
        if registration.authority == nil {
            lines += ["  annotations:", "    cert-manager.io/inject-ca-from: \(registration.namespace)/weir-webhook"]
        }
        lines += [
            "webhooks:",
            "- name: \(isMutating ? "images" : "policy").weir.local",
            "  admissionReviewVersions: [v1]",
            "  clientConfig:",
            "    service: {namespace: \(registration.namespace), name: weir-webhook, path: \(path), port: 443}",
        ]
        if let authority = registration.authority { lines.append("    caBundle: \(Base64.encoded(authority))") }
        lines += [
            "  rules:",
            "  - apiGroups: [\"\"]",
            "    apiVersions: [v1]",
            "    operations: [CREATE, UPDATE]",
            "    resources: [pods, pods/ephemeralcontainers]",
            "    scope: Namespaced",
            "  # While Weir does not answer. What it answers when it cannot tell says 'webhook.failure'.",
            "  failurePolicy: \(failurePolicy)",
            "  matchPolicy: Equivalent",
            "  sideEffects: \(isMutating ? "NoneOnDryRun" : "None")",
            "  timeoutSeconds: 5",
            "  namespaceSelector:",
            "    matchExpressions:",
            "    - {key: kubernetes.io/metadata.name, operator: NotIn, values: [\(namespaces.joined(separator: ", "))]}",
        ]
        if isMutating {
            lines += [
                "    # Namespaces that do not want it: kubectl label namespace NAME weir/rewrite=disabled",
                "    - {key: weir/rewrite, operator: NotIn, values: [disabled]}",
                "    - {key: goharbor.io/harbor-container-webhook-disable, operator: NotIn, values: [\"true\"]}",
                "  objectSelector:",
                "    matchExpressions:",
                "    - {key: goharbor.io/harbor-container-webhook-disable, operator: NotIn, values: [\"true\"]}",
                "  # Asked again where a later webhook has changed the pod; what was rewritten stays as it is.",
                "  reinvocationPolicy: IfNeeded",
            ]
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
