internal import Foundation
package import KubernetesClient

/// Puts a bundle of authorities into a webhook configuration: into `caBundle` of each webhook, and nothing else.
package enum BundlePatch {
    /// A JSON patch; nil where every webhook has it. Each change is bound to the name at its place, so that a list that
    /// was put in another order meanwhile is refused by the server and not patched wrongly.
    package static func patch(for configuration: JSONTree, bundle: String) -> JSONTree? {
        let encoded = JSONTree.string(Data(bundle.utf8).base64EncodedString())
        var operations: [JSONTree] = []
        for (index, webhook) in (configuration["webhooks"]?.array ?? []).enumerated() {
            guard let name = webhook["name"], webhook.at("clientConfig") != nil,
                webhook.at("clientConfig", "caBundle") != encoded
            else { continue }
            operations.append(["op": "test", "path": .string("/webhooks/\(index)/name"), "value": name])
            operations.append([
                "op": "add", "path": .string("/webhooks/\(index)/clientConfig/caBundle"), "value": encoded,
            ])
        }
        return operations.isEmpty ? nil : .array(operations)
    }
}
