import Foundation
import HostileInput
import ImageRewriting
import JSON
import Testing

@testable import AdmissionWebhook

@Suite struct HostileReviewTests {
    @Test(arguments: [
        ("", AdmissionReviewError.notJSON(.malformed(offset: 0))), ("nonsense", .notJSON(.malformed(offset: 0))),
        ("[]", .noReview), ("{}", .noReview), (#"{"kind":"Pod","apiVersion":"v1"}"#, .noReview),
        (#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"}"#, .unsupportedVersion),
        (#"{"kind":"AdmissionReview"}"#, .unsupportedVersion),
        (#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}"#, .missing("request")),
        (#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":[]}"#, .missing("request")),
        (#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{}}"#, .missing("request.uid")),
        (
            #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1"}}"#,
            .missing("request.operation")
        ),
        (
            #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1","operation":"BREW"}}"#,
            .missing("request.operation")
        ),
    ])
    func `what is no review is refused`(_ text: String, _ error: AdmissionReviewError) {
        #expect(throws: error) { try AdmissionRequest(Array(text.utf8)) }
    }

    @Test func `deep nesting and too many values are refused`() {
        let deep = Review(object: String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000))
        #expect(throws: AdmissionReviewError.notJSON(.tooDeep(limit: 128))) { try AdmissionRequest(deep.bytes) }
        let many = Review(object: "[" + String(repeating: "0,", count: 600_000) + "0]")
        #expect(throws: AdmissionReviewError.notJSON(.tooManyValues(limit: 500_000))) {
            try AdmissionRequest(many.bytes)
        }
        let large = Review(object: "\"" + String(repeating: "a", count: 9 << 20) + "\"")
        #expect(throws: AdmissionReviewError.notJSON(.tooLarge(limitBytes: 8 << 20))) {
            try AdmissionRequest(large.bytes)
        }
    }

    @Test(arguments: [
        "{}", #"{"kind":"Pod"}"#, #"{"spec":null}"#, #"{"spec":[]}"#, #"{"spec":{"containers":{}}}"#,
        #"{"spec":{"containers":[1,null,"a",{},{"image":7},{"image":""}]}}"#, "null", "7", "[]",
        #"{"spec":{"volumes":[{"image":"a"},{"image":{"reference":[]}}]}}"#,
    ])
    func `a pod without images to read is admitted as it is`(_ object: String) async throws {
        let answer = try await TestWebhook([.weir()]).mutated(Review(object: object))
        #expect(answer.isAllowed)
        #expect(answer.patch == nil)
        #expect(answer.warnings == [])
    }

    @Test func `an image that is no reference stays, with a warning, and the others are rewritten`() async throws {
        let object = Review.pod(["NGINX:!", "nginx", "\\u0000a\\n\\u001b[31m"])
        let answer = try await TestWebhook([.weir()]).mutated(Review(object: object))
        #expect(answer.isAllowed)
        #expect(answer.warnings.count == 2)
        for warning in answer.warnings {
            #expect(warning.utf8.count <= 120)
            #expect(warning.hasPrefix("weir: "))
            #expect(warning.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
        }
        let expected = object.replacingOccurrences(
            of: #""nginx""#, with: #""weir.corp:5000/docker.io/library/nginx""#)
        var result = try answer.applied(to: object)
        var metadata = try #require(result["metadata"] as? [String: Any])
        #expect(metadata.removeValue(forKey: "annotations") != nil)
        result["metadata"] = metadata
        #expect(try isSame(result, expected))
    }

    @Test func `warnings are few and short`() async throws {
        let images = (0..<100).map { "BAD\($0)" + String(repeating: "x", count: 300) }
        let answer = try await TestWebhook([.weir()]).mutated(Review(object: Review.pod(images)))
        #expect(answer.warnings.count == 8)
        #expect(answer.warnings.allSatisfy { $0.utf8.count <= 120 })
        #expect(answer.warnings.last == "weir: and 93 more warnings")
    }

    @Test func `a pod with more images than any cluster runs stays as it is, and no policy lets it pass`() async throws
    {
        let review = Review(object: Review.pod((0..<2000).map { "nginx:\($0)" }))
        let webhook = try TestWebhook([.weir()], policy: ImagePolicy(missingDigests: .warn))
        let answer = try await webhook.mutated(review)
        #expect(answer.isAllowed && answer.patch == nil && answer.warnings.count == 1)
        #expect(try webhook.validated(review).code == 403)
        #expect(try await TestWebhook([.weir()], failure: .closed).mutated(review).code == 403)
    }

    @Test(arguments: [
        "nonsense", "[]", "{", #"{\"containers/gone\":\"a\"}"#, #"{\"containers/c0\":7}"#, "\\u0000", "",
        #"{\"a\":"# + String(repeating: "[", count: 50) + String(repeating: "]", count: 50) + "}",
    ])
    func `a hostile record of originals is replaced`(_ annotation: String) async throws {
        let object = Review.pod(
            ["nginx"], metadata: #""annotations":{"weir/original-images":"\#(annotation)","b":"c"}"#)
        let result = try await TestWebhook([.weir()]).mutated(Review(object: object)).applied(to: object)
        let annotations = (result["metadata"] as? [String: Any])?["annotations"] as? [String: String]
        #expect(annotations == ["weir/original-images": #"{"containers/c0":"nginx"}"#, "b": "c"])
    }

    @Test func `a huge record of originals is replaced, and one that would be huge is left out`() async throws {
        let huge = String(repeating: "x", count: 200_000)
        let object = Review.pod(["nginx"], metadata: #""annotations":{"weir/original-images":"\#(huge)"}"#)
        let result = try await TestWebhook([.weir()]).mutated(Review(object: object)).applied(to: object)
        let annotations = (result["metadata"] as? [String: Any])?["annotations"] as? [String: String]
        #expect(annotations?["weir/original-images"] == #"{"containers/c0":"nginx"}"#)
        let many = Review.pod((0..<999).map { "nginx:\($0)-" + String(repeating: "t", count: 100) })
        let answer = try await TestWebhook([.weir()]).mutated(Review(object: many))
        #expect(try (answer.applied(to: many)["metadata"] as? [String: Any])?["annotations"] == nil)
    }

    @Test func `rules that lead to each other make no loop`() async throws {
        let rules = try [
            RewriteRule.harbor("a", "^docker.io/", replace: "b.corp"), .harbor("b", "^b.corp/", replace: "docker.io"),
        ]
        let webhook = try TestWebhook(rules)
        let object = Review.pod(["nginx:1"])
        let first = try await webhook.mutated(Review(object: object)).applied(to: object)
        let text = String(decoding: try JSONSerialization.data(withJSONObject: first), as: UTF8.self)
        #expect(try await webhook.mutated(Review(object: text)).patch == nil)
    }

    @Test func `no bytes whatever make it fail`() async throws {
        let webhook = try TestWebhook([.weir()], policy: ImagePolicy(missingDigests: .deny))
        let alphabet = [
            "{", "}", "[", "]", "\"", ":", ",", "\"spec\"", "\"containers\"", "\"image\"", "\"nginx\"", "null", "1e9",
            "\\u00", "\\ud800",
        ]
        for text in hostileTexts(count: 2000, alphabet: alphabet, seed: 5) {
            for review in [text, Review(object: text).text] {
                guard let request = try? AdmissionRequest(Array(review.utf8)) else { continue }
                let response = await webhook.mutator.response(to: request, until: .now + .seconds(5))
                _ = try Answered(response.encoded())
                _ = try Answered(webhook.validator.response(to: request).encoded())
            }
        }
    }
}
