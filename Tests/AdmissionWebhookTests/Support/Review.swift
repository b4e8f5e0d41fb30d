import Foundation
import Testing

@testable import AdmissionWebhook

/// An AdmissionReview as current API servers send it.
struct Review {
    var operation = "CREATE"
    var namespace: String? = "shop"
    var subResource: String?
    var isDryRun = false
    var object: String
    var oldObject: String?
    var uid = "705ab4f5-6393-11e8-b7cc-42010a800002"

    var text: String {
        let sub = subResource.map { #""subResource":"\#($0)","requestSubResource":"\#($0)","# } ?? ""
        let options = operation == "CREATE" ? "CreateOptions" : subResource == nil ? "UpdateOptions" : "PatchOptions"
        return """
            {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"\(uid)",\
            "kind":{"group":"","version":"v1","kind":"Pod"},\
            "resource":{"group":"","version":"v1","resource":"pods"},\(sub)\
            "requestKind":{"group":"","version":"v1","kind":"Pod"},\
            "requestResource":{"group":"","version":"v1","resource":"pods"},\
            \(namespace.map { #""namespace":"\#($0)","# } ?? "")\
            "operation":"\(operation)",\
            "userInfo":{"username":"system:serviceaccount:kube-system:replicaset-controller",\
            "uid":"c6d1","groups":["system:serviceaccounts","system:authenticated"],\
            "extra":{"authentication.kubernetes.io/credential-id":["JTI=1"]}},\
            "object":\(object),"oldObject":\(oldObject ?? "null"),"dryRun":\(isDryRun),\
            "options":{"kind":"\(options)","apiVersion":"meta.k8s.io/v1"}}}
            """
    }

    var bytes: [UInt8] { Array(text.utf8) }

    /// A pod with a container `c0`, `c1`, … for each image.
    static func pod(_ images: [String], spec: String = "", metadata: String = #""name":"web""#) -> String {
        let containers = images.enumerated().map { index, image in
            #"{"name":"c\#(index)","image":"\#(image)","resources":{},"imagePullPolicy":"Always"}"#
        }
        return """
            {"kind":"Pod","apiVersion":"v1","metadata":{\(metadata)},\
            "spec":{"containers":[\(containers.joined(separator: ","))],"restartPolicy":"Always"\(spec)},"status":{}}
            """
    }
}

/// What was answered, as an API server reads it.
struct Answered {
    var uid: String
    var isAllowed: Bool
    var code: Int?
    var message: String?
    var patch: Data?
    var warnings: [String]
    var auditAnnotations: [String: String]

    init(_ bytes: [UInt8]) throws {
        let root = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        #expect(root["apiVersion"] as? String == "admission.k8s.io/v1")
        #expect(root["kind"] as? String == "AdmissionReview")
        let response = try #require(root["response"] as? [String: Any])
        uid = try #require(response["uid"] as? String)
        isAllowed = try #require(response["allowed"] as? Bool)
        let status = response["status"] as? [String: Any]
        code = status?["code"] as? Int
        message = status?["message"] as? String
        patch = (response["patch"] as? String).flatMap { Data(base64Encoded: $0) }
        #expect((patch == nil) == (response["patchType"] == nil))
        if patch != nil { #expect(response["patchType"] as? String == "JSONPatch") }
        warnings = response["warnings"] as? [String] ?? []
        auditAnnotations = response["auditAnnotations"] as? [String: String] ?? [:]
    }

    /// The object after the patch.
    func applied(to object: String) throws -> [String: Any] {
        let document = try JSONSerialization.jsonObject(with: Data(object.utf8))
        guard let patch else { return try #require(document as? [String: Any]) }
        return try #require(try PatchApplier.apply(patch, to: document) as? [String: Any])
    }
}

func isSame(_ object: [String: Any], _ text: String) throws -> Bool {
    PatchApplier.isEqual(object, try JSONSerialization.jsonObject(with: Data(text.utf8)))
}
