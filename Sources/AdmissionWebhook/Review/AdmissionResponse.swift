internal import JSON

/// What the API server is answered.
package struct AdmissionResponse: Sendable, Hashable {
    package enum Verdict: Sendable, Hashable {
        case allowed
        /// - Parameter code: an HTTP status: 403 for what a policy refuses, 503 for what may go better later.
        case denied(code: Int, message: String)
    }

    package var uid: String
    package var verdict: Verdict
    package var patch: JSONPatch
    package var warnings: AdmissionWarnings
    /// For the cluster's audit log; the API server puts the webhook's name before each name.
    package var auditAnnotations: [String: String]

    package init(
        uid: String, verdict: Verdict = .allowed, patch: JSONPatch = JSONPatch(),
        warnings: AdmissionWarnings = AdmissionWarnings(), auditAnnotations: [String: String] = [:]
    ) {
        self.uid = uid
        self.verdict = verdict
        self.patch = patch
        self.warnings = warnings
        self.auditAnnotations = auditAnnotations
    }

    /// The whole `AdmissionReview`.
    package func encoded() -> [UInt8] {
        var writer = JSONWriter()
        writer.object { review in
            review.name("apiVersion")
            review.string("admission.k8s.io/v1")
            review.name("kind")
            review.string("AdmissionReview")
            review.name("response")
            review.object { write(to: &$0) }
        }
        return writer.bytes
    }

    private func write(to response: inout JSONWriter) {
        response.name("uid")
        response.string(uid)
        response.name("allowed")
        response.bool(verdict == .allowed)
        if case .denied(let code, let message) = verdict {
            response.name("status")
            response.object { status in
                status.name("code")
                status.integer(code)
                status.name("reason")
                status.string(code == 403 ? "Forbidden" : "ServiceUnavailable")
                status.name("message")
                status.string(message)
            }
        } else if !patch.isEmpty {
            response.name("patchType")
            response.string("JSONPatch")
            response.name("patch")
            response.string(Base64.encoded(patch.encoded()))
        }
        if !warnings.texts.isEmpty {
            response.name("warnings")
            response.array { array in for text in warnings.texts { array.string(text) } }
        }
        if !auditAnnotations.isEmpty {
            response.name("auditAnnotations")
            response.object { object in
                for (name, value) in auditAnnotations.sorted(by: { $0.key < $1.key }) {
                    object.name(name)
                    object.string(value)
                }
            }
        }
    }
}

/// What `kubectl` shows its user. The API server cuts off texts of more than 256 bytes and 4096 in all, and asks for
/// 120 at most (Kubernetes, "Dynamic Admission Control", Response).
package struct AdmissionWarnings: Sendable, Hashable {
    package static let textLimitBytes = 120
    package static let countLimit = 8

    private var all: [String] = []
    private var leftOut = 0

    package init() {}

    package var texts: [String] { leftOut == 0 ? all : all + ["weir: and \(leftOut) more warnings"] }

    /// - Parameter text: of any length and content; what does not belong on a terminal is replaced.
    package mutating func add(_ text: String) {
        let short = Self.shortened(text)
        guard !all.contains(short) else { return }
        guard all.count < Self.countLimit - 1 else {
            leftOut += 1
            return
        }
        all.append(short)
    }

    /// In the middle, since what goes wrong stands at the end, and what is meant at the beginning.
    static func shortened(_ text: String, to limit: Int = textLimitBytes) -> String {
        let bytes = text.utf8.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }
        guard bytes.count > limit else { return String(decoding: bytes, as: UTF8.self) }
        let head = (limit - 3) / 2
        return String(decoding: bytes[..<head] + Array("...".utf8) + bytes.suffix(limit - 3 - head), as: UTF8.self)
    }
}
