internal import ImageRewriting

/// What is changed of a pod, once it is known what becomes of each image: no clock, no network.
struct MutationPlan {
    private(set) var patch = JSONPatch()
    private(set) var warnings = AdmissionWarnings()
    private(set) var auditAnnotations: [String: String] = [:]
    private(set) var rewrittenCount = 0
    /// Why something could not be found out; what is closed refuses the pod for it.
    private(set) var doubt: String?

    /// - Parameter outcomes: by the image as it is written.
    init(_ pod: Pod, _ scope: AdmissionScope, outcomes: [String: ImageOutcome]) {
        var originals: [String: String] = [:]
        var secrets: [String] = []
        for image in scope.images {
            switch outcomes[image.text] {
            case nil, .unchanged: continue
            case .rewritten(let candidate):
                rewrittenCount += 1
                patch.replace(image.pointer, image.text, by: candidate.image)
                originals[image.key] = image.text
                for name in candidate.pullSecrets where !secrets.contains(name) { secrets.append(name) }
            case .refused(let reason): warn(image.text, reason)
            case .unknown(let reason):
                doubt = doubt ?? "\(image.text): \(reason)"
                warn(image.text, reason)
            case .undecided:
                doubt = doubt ?? "\(image.text): no answer in time"
                warn(image.text, "no answer in time")
            }
        }
        if scope.mayAddPullSecrets { add(secrets, to: pod) }
        if scope.mayAnnotate { annotate(pod, originals) } else { audit(originals) }
    }

    private mutating func warn(_ image: String, _ reason: String) {
        warnings.add("weir: \(AdmissionWarnings.shortened(image, to: 40)) stays: \(reason)")
    }

    private mutating func add(_ secrets: [String], to pod: Pod) {
        guard let present = pod.pullSecrets else {
            if !secrets.isEmpty { patch.add("/spec/imagePullSecrets", .namedObjects(secrets)) }
            return
        }
        for name in secrets where !present.contains(name) { patch.add("/spec/imagePullSecrets/-", .namedObject(name)) }
    }

    private mutating func annotate(_ pod: Pod, _ originals: [String: String]) {
        let old = pod.annotation("weir/original-images")
        guard let value = OriginalImages.updated(old, for: pod, changes: originals) else { return }
        if pod.hasAnnotations {
            patch.add("/metadata/annotations/\(JSONPatch.escaped(OriginalImages.name))", .string(value))
        } else {
            patch.add("/metadata/annotations", .object(OriginalImages.name, value))
        }
    }

    /// Where the object itself cannot keep them, the audit log does, as far as it takes them.
    private mutating func audit(_ originals: [String: String]) {
        guard !originals.isEmpty else { return }
        let text = originals.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        auditAnnotations["original-images"] = AdmissionWarnings.shortened(text, to: 4096)
    }
}
