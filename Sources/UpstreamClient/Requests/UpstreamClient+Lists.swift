internal import FoundationEssentials
internal import HTTPSemantics
internal import NIOCore
internal import NIOHTTP1
package import OCI
package import Upstream

extension UpstreamClient {
    private struct TagList: Decodable {
        /// Null where a repository has none.
        var tags: [String]?
    }

    package func tags(
        in repository: RepositoryName, after last: String?, limit: Int?
    ) async throws(UpstreamError) -> TagPage {
        var operation = Operation(
            method: .GET, path: "tags/list", repository: repository,
            headers: ["Accept": "application/json"])
        if let limit { operation.query.append(("n", "\(limit)")) }
        if let last { operation.query.append(("last", last)) }
        let limitBytes = configuration.tagsLimitBytes
        return try await perform(operation) { answer throws(Failure) in
            guard answer.status == 200 else { throw Failure(.unexpectedStatus(answer.status)) }
            let body = try await answer.collect(limitBytes: limitBytes)
            guard let list = try? JSONDecoder().decode(TagList.self, from: Data(body.readableBytesView)) else {
                throw Failure(.malformedAnswer(reason: "its list of tags is no such JSON"))
            }
            return TagPage(tags: (list.tags ?? []).compactMap { try? Tag($0) }, hasMore: Self.hasMore(answer))
        }
    }

    package func referrers(
        of subject: Digest, in repository: RepositoryName, artifactType: String?, limitBytes: Int
    ) async throws(UpstreamError) -> ReceivedReferrers {
        var operation = Operation(
            method: .GET, path: "referrers/\(subject)", repository: repository,
            headers: ["Accept": MediaType.ociIndex.description])
        if let artifactType { operation.query.append(("artifactType", artifactType)) }
        do throws(UpstreamError) {
            return try await perform(operation) { answer throws(Failure) in
                guard answer.status == 200 else { throw Failure(.unexpectedStatus(answer.status)) }
                // A registry that knows no such API may answer with a page of its own.
                let type = answer.headers.first(name: "Content-Type").flatMap { MediaType($0) }
                guard type == .ociIndex || type == .json else {
                    throw Failure(.malformedAnswer(reason: "its list of referrers is no image index"))
                }
                let filters = answer.headers[canonicalForm: "OCI-Filters-Applied"]
                return ReceivedReferrers(
                    bytes: try await answer.collect(limitBytes: limitBytes),
                    isFiltered: artifactType != nil && filters.contains { $0 == "artifactType" },
                    hasMore: Self.hasMore(answer))
            }
        } catch .unexpectedStatus(400), .unexpectedStatus(405), .serverError(status: 501, retryAfter: nil) {
            // Older registries know neither the path nor 404 for it.
            throw .notFound
        }
    }

    private static func hasMore(_ answer: UpstreamAnswer) -> Bool {
        answer.headers["Link"].contains { LinkField.next($0) != nil }
    }
}
