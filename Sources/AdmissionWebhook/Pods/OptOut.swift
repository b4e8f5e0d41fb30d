/// Why a pod is left as it is.
///
/// Labels of namespaces are not part of a review: the API server itself looks at them, where the webhook's
/// configuration has a `namespaceSelector`.
enum OptOut: String, Sendable, Hashable, CaseIterable {
    case namespace, annotation, label, mirrorPod = "mirror pod"

    static let annotationName: StaticString = "weir/rewrite"
    /// harbor-container-webhook's, for objects.
    static let harborLabelName: StaticString = "goharbor.io/harbor-container-webhook-disable"

    static func reason(for pod: Pod, in namespace: String, excluded: Set<String>) -> OptOut? {
        if excluded.contains(namespace) { return .namespace }
        if pod.isMirror { return .mirrorPod }
        if let value = pod.annotation(annotationName), ["false", "disabled"].contains(value) { return .annotation }
        if pod.label(harborLabelName) == "true" { return .label }
        return nil
    }
}
