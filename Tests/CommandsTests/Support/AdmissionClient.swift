import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Testing

/// Sends reviews to a webhook as an API server does: under the service's name, trusting a bundle and nobody else.
final class AdmissionClient {
    struct Answer {
        var isAllowed: Bool
        /// The JSON patch, as text; nil where nothing is changed.
        var patch: String?
        var warnings: [String]
        var message: String?
    }

    /// What of a pod matters here.
    struct Review {
        var image: String
        var namespace = "shop"
        var pullSecrets: [String] = []
        var isDryRun = false
    }

    private let client: HTTPClient
    private let base: String

    /// - Parameter name: what the certificate has to be for.
    init(authority pem: String, name: String = "localhost", port: Int) throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)))
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.dnsOverride = [name: "127.0.0.1"]
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        base = "https://\(name):\(port)"
    }

    deinit { client.shutdown { _ in } }

    func get(_ path: String) async throws -> String {
        let response = try await client.execute(HTTPClientRequest(url: base + path), timeout: .seconds(60))
        return String(buffer: try await response.body.collect(upTo: 1 << 20))
    }

    func post(_ review: Review, to path: String = "/mutate") async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = .POST
        request.body = .bytes(ByteBuffer(bytes: try Self.body(review)))
        let response = try await client.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 1 << 20)
        let root = try JSONSerialization.jsonObject(with: Data(bytes.readableBytesView)) as? [String: Any]
        let answer = try #require(root?["response"] as? [String: Any])
        return Answer(
            isAllowed: try #require(answer["allowed"] as? Bool),
            patch: (answer["patch"] as? String).flatMap { Data(base64Encoded: $0) }
                .map { String(decoding: $0, as: UTF8.self) },
            warnings: answer["warnings"] as? [String] ?? [],
            message: (answer["status"] as? [String: Any])?["message"] as? String)
    }

    func patch(_ image: String) async throws -> String? {
        let answer = try await post(Review(image: image))
        #expect(answer.isAllowed)
        return answer.patch
    }

    private static func body(_ review: Review) throws -> Data {
        let pod: [String: Any] = [
            "kind": "Pod", "metadata": ["name": "a"],
            "spec": [
                "containers": [["name": "c", "image": review.image]],
                "imagePullSecrets": review.pullSecrets.map { ["name": $0] },
            ],
        ]
        return try JSONSerialization.data(withJSONObject: [
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "request": [
                "uid": "1", "operation": "CREATE", "namespace": review.namespace, "dryRun": review.isDryRun,
                "resource": ["group": "", "version": "v1", "resource": "pods"], "object": pod,
            ],
        ])
    }
}
