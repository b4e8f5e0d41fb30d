internal import Foundation
internal import KubernetesClient

/// What the real server refuses of the kinds that Weir writes. Kubernetes API reference, of each kind.
enum Validation {
    /// - Parameter previous: nil of a new object.
    static func check(_ object: JSONTree, _ kind: ResourceKind, previous: JSONTree?) throws(APIStatus) {
        let name = object.at("metadata", "name")?.string ?? ""
        switch kind {
        case .leases: try checkLease(object, name)
        case .secrets: try checkSecret(object, name, previous: previous)
        case .mutatingWebhookConfigurations, .validatingWebhookConfigurations: try checkWebhooks(object, kind, name)
        default: break
        }
    }

    private static func checkLease(_ object: JSONTree, _ name: String) throws(APIStatus) {
        guard let spec = object["spec"] else { return }
        if let seconds = spec["leaseDurationSeconds"], seconds != .null {
            guard let seconds = seconds.integer else { throw .badRequest("leaseDurationSeconds is no integer") }
            guard seconds > 0 else {
                throw .invalid(.leases, name, "spec.leaseDurationSeconds: Invalid value: must be greater than 0")
            }
        }
        if let transitions = spec["leaseTransitions"]?.integer, transitions < 0 {
            throw .invalid(.leases, name, "spec.leaseTransitions: Invalid value: must not be negative")
        }
        if let holder = spec["holderIdentity"]?.string, holder.isEmpty {
            throw .invalid(.leases, name, "spec.holderIdentity: Invalid value: \"\": must not be empty")
        }
        for key in ["renewTime", "acquireTime"] {
            guard let value = spec[key], value != .null else { continue }
            // metav1.MicroTime is parsed by a layout with exactly six digits.
            guard let text = value.string,
                text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)/) != nil
            else { throw .badRequest("Lease in version \"v1\" cannot be handled as a Lease: parsing time") }
        }
    }

    private static func checkSecret(_ object: JSONTree, _ name: String, previous: JSONTree?) throws(APIStatus) {
        let data = object["data"]?.object ?? [:]
        for (key, value) in data {
            guard let text = value.string, Base64.decode(text) != nil else {
                throw .badRequest("Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data: \(key)")
            }
        }
        let type = object["type"]?.string ?? "Opaque"
        if let previous, (previous["type"]?.string ?? "Opaque") != type {
            throw .invalid(.secrets, name, "type: Invalid value: \"\(type)\": field is immutable")
        }
        if let previous, previous["immutable"]?.bool == true, previous["data"] != object["data"] {
            throw .invalid(.secrets, name, "data: Forbidden: field is immutable when `immutable` is set")
        }
        let required: [String: [String]] = [
            "kubernetes.io/dockerconfigjson": [".dockerconfigjson"], "kubernetes.io/dockercfg": [".dockercfg"],
            "kubernetes.io/tls": ["tls.crt", "tls.key"],
        ]
        for key in required[type] ?? [] {
            guard let text = data[key]?.string, let bytes = Base64.decode(text) else {
                throw .invalid(.secrets, name, "data[\(key)]: Required value")
            }
            if key.hasPrefix(".docker"), (try? JSONTree(parsing: bytes)) == nil {
                throw .invalid(.secrets, name, "data[\(key)]: Invalid value: \"<secret contents redacted>\"")
            }
        }
    }

    private static func checkWebhooks(_ object: JSONTree, _ kind: ResourceKind, _ name: String) throws(APIStatus) {
        for (index, webhook) in (object["webhooks"]?.array ?? []).enumerated() {
            for key in ["name", "sideEffects", "admissionReviewVersions", "clientConfig"] where webhook[key] == nil {
                throw .invalid(kind, name, "webhooks[\(index)].\(key): Required value")
            }
            guard let bundle = webhook.at("clientConfig", "caBundle") else { continue }
            guard let text = bundle.string, let bytes = Base64.decode(text) else {
                throw .badRequest("cannot be handled: illegal base64 data in caBundle")
            }
            guard bytes.isEmpty || String(decoding: bytes, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
                throw .invalid(
                    kind, name,
                    "webhooks[\(index)].clientConfig.caBundle: Invalid value: unable to load root certificates")
            }
        }
    }
}
