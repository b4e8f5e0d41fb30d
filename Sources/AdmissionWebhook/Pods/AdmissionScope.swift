/// Which images of an object this request is about, and what of it may be changed.
///
/// - When a pod is made, everything may be changed.
/// - When it is updated, the images of containers and init containers may be changed, and the metadata
///   (`ValidatePodUpdate`); nothing else, or the whole update would be refused. Only images that the update itself
///   changes are looked at: otherwise a controller's change to a label would restart containers whose images were
///   written before the webhook was there.
/// - Of `ephemeralcontainers` only those may be changed that are new, and nothing else: changes to the metadata are
///   thrown away, and a change to one that exists refuses the request.
struct AdmissionScope {
    let images: [PodImage]
    let mayAnnotate: Bool
    let mayAddPullSecrets: Bool

    init(_ request: AdmissionRequest, _ pod: Pod) {
        let old = request.oldObject.map { Pod($0) }
        let before = Dictionary(
            (old?.images ?? []).map { ($0.key, $0.text) }, uniquingKeysWith: { first, _ in first })
        switch (request.subject, request.operation) {
        case (.pod, .create):
            images = pod.images
            mayAnnotate = pod.hasMetadata
            mayAddPullSecrets = true
        case (.pod, .update):
            images = pod.images.filter { image in
                (image.role == .containers || image.role == .initContainers) && before[image.key] != image.text
            }
            mayAnnotate = pod.hasMetadata
            mayAddPullSecrets = false
        case (.ephemeralContainers, .update), (.ephemeralContainers, .create):
            images = pod.images.filter { $0.role == .ephemeralContainers && before[$0.key] == nil }
            mayAnnotate = false
            mayAddPullSecrets = false
        default:
            images = []
            mayAnnotate = false
            mayAddPullSecrets = false
        }
    }
}
