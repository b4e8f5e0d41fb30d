internal import ImageRewriting
internal import OCI
internal import Rules

/// Answers reviews with whether a pod's images may be used. Changes nothing, and asks nobody.
///
/// What a pod says of itself does not exempt it: opting out of being rewritten is no way around a policy.
package struct PodValidator: Sendable {
    private static let findingLimit = 16

    private let settings: @Sendable () -> WebhookSettings

    package init(settings: @escaping @Sendable () -> WebhookSettings) { self.settings = settings }

    package func response(to request: AdmissionRequest) -> AdmissionResponse {
        let settings = settings()
        guard !settings.policy.isEmpty, request.operation == .create || request.operation == .update,
            request.subject != .other, let object = request.object
        else { return AdmissionResponse(uid: request.uid) }
        let pod = Pod(object)
        let namespace = request.namespace.isEmpty ? pod.namespace ?? "" : request.namespace
        guard !settings.excludedNamespaces.contains(namespace) else { return AdmissionResponse(uid: request.uid) }
        var response = AdmissionResponse(uid: request.uid)
        var denials: [String] = []
        if pod.hasTooManyImages { denials.append("the pod has more than \(Pod.imageLimit) images") }
        var judged: Set<String> = []
        for image in AdmissionScope(request, pod).images where judged.insert(image.text).inserted {
            let original = settings.rewriter.original(of: image.text)
            for finding in settings.policy.findings(image.text, original: original) {
                let name = AdmissionWarnings.shortened(image.text, to: 64)
                if finding.action == .deny {
                    if denials.count < Self.findingLimit { denials.append("\(name): \(finding.reason)") }
                } else {
                    response.warnings.add("weir: \(name): \(finding.reason)")
                }
            }
        }
        if !denials.isEmpty {
            let message = "denied by weir's policy: \(denials.joined(separator: "; "))"
            response.verdict = .denied(code: 403, message: AdmissionWarnings.shortened(message, to: 2048))
        }
        return response
    }
}
