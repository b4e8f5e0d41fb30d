internal import AsyncHTTPClient
internal import HTTPFailures
internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import PeerGrants

/// Asks one place for content, by HTTP as Spegel asks.
struct PeerClient: Sendable {
    let client: PeerHTTPClient
    let authorization: String?
    /// What is shown to peers for private repositories; nil shows nothing.
    var grants: PeerGrants?

    /// Returns when the head of an answer is there and answers the question. Dropping the answer ends the exchange.
    func ask(_ question: PeerQuestion, of source: PeerSource) async throws(PeerFailure) -> PeerResponse {
        var request = HTTPClientRequest(url: source.origin + question.path)
        request.method = question.isHead ? .HEAD : .GET
        request.headers.add(name: "User-Agent", value: "weir")
        // No proxy in between may turn the bytes into others.
        request.headers.add(name: "Accept-Encoding", value: "identity")
        if question.kind == .manifests {
            for type in Self.accepted { request.headers.add(name: "Accept", value: type) }
        }
        if question.offset > 0 { request.headers.add(name: "Range", value: "bytes=\(question.offset)-") }
        if source.kind == .peer {
            request.headers.add(name: "X-Spegel-Mirrored", value: "true")
            if let authorization { request.headers.add(name: "Authorization", value: authorization) }
            if let credential = grants?.credential(
                for: RepositoryPlace(question.registry, question.repository), audience: source.identifier,
                method: request.method.rawValue, target: question.path)
            {
                request.headers.add(name: PeerCredential.grantField, value: credential.grant)
                request.headers.add(name: PeerCredential.proofField, value: credential.proof)
            }
        }
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, timeout: .hours(24))
        } catch {
            throw PeerFailure(error)
        }
        let head = try PeerHead(status: Int(response.status.code), to: question) { name in
            response.headers.first(name: name)
        }
        return PeerResponse(source: source, head: head, body: response.body)
    }

    private static let accepted = [
        "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
}

/// An answer whose body has yet to be read.
struct PeerResponse: Sendable {
    let source: PeerSource
    let head: PeerHead
    let body: HTTPClientResponse.Body
}
