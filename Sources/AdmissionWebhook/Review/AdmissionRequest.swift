package import JSON

/// What the API server asks: an `AdmissionReview` of `admission.k8s.io/v1` with a request in it
/// (Kubernetes, "Dynamic Admission Control"). What is not known of it is passed over.
package struct AdmissionRequest: Sendable {
    package enum Operation: String, Sendable, Hashable {
        case create = "CREATE"
        case update = "UPDATE"
        case delete = "DELETE"
        case connect = "CONNECT"
    }

    /// What the object is, as far as this webhook tells apart.
    package enum Subject: Sendable, Hashable {
        case pod
        /// `kubectl debug`: a pod's `ephemeralcontainers`, of which nothing else may change.
        case ephemeralContainers
        case other
    }

    package static let limits = JSONDocument.Limits(bytes: 8 << 20, depth: 128, values: 500_000)
    /// The API server's are 36 bytes long.
    private static let uidLimitBytes = 256

    package let uid: String
    package let operation: Operation
    package let subject: Subject
    /// Empty for what is in none.
    package let namespace: String
    package let isDryRun: Bool
    package let object: JSONNode?
    /// As it was before an update.
    package let oldObject: JSONNode?

    package init(
        _ bytes: [UInt8], limits: JSONDocument.Limits = Self.limits
    ) throws(AdmissionReviewError) {
        let root: JSONNode
        do throws(JSONError) { root = try JSONDocument(bytes, limits: limits).root } catch { throw .notJSON(error) }
        guard root["kind"]?.string == "AdmissionReview" else { throw .noReview }
        guard root["apiVersion"]?.string == "admission.k8s.io/v1" else { throw .unsupportedVersion }
        guard let request = root["request"], request.isObject else { throw .missing("request") }
        guard let uid = request["uid"]?.string, !uid.isEmpty, uid.utf8.count <= Self.uidLimitBytes else {
            throw .missing("request.uid")
        }
        guard let operation = request["operation"]?.string.flatMap(Operation.init) else {
            throw .missing("request.operation")
        }
        self.uid = uid
        self.operation = operation
        subject = Self.subject(of: request)
        namespace = request["namespace"]?.string ?? ""
        isDryRun = request["dryRun"]?.bool ?? false
        object = request["object"]
        oldObject = request["oldObject"]
    }

    private static func subject(of request: JSONNode) -> Subject {
        // With 'matchPolicy: Equivalent' these are what the webhook registered for, whatever the client spoke.
        guard let resource = request["resource"], resource["group"]?.string ?? "" == "",
            resource["resource"]?.string == "pods"
        else { return .other }
        switch request["subResource"]?.string ?? "" {
        case "": return .pod
        case "ephemeralcontainers": return .ephemeralContainers
        default: return .other
        }
    }
}

/// Why a body is no review that can be answered. The API server takes any of them for a webhook that failed.
package enum AdmissionReviewError: Error, Hashable, CustomStringConvertible {
    case notJSON(JSONError)
    case noReview
    case unsupportedVersion
    case missing(String)

    package var description: String {
        switch self {
        case .notJSON(let error): "the body cannot be read: \(error)"
        case .noReview: "the body is no AdmissionReview"
        case .unsupportedVersion: "only AdmissionReview of admission.k8s.io/v1 is understood"
        case .missing(let field): "the AdmissionReview has no '\(field)'"
        }
    }
}
