internal import HTTPSemantics
internal import NIOCore
internal import NIOHTTP1
internal import OCI
internal import PullThroughCache

extension Answer {
    /// OCI Distribution 1.1, "Listing Tags".
    ///
    /// - Parameters:
    ///   - name: the repository as the client wrote it, which is what it expects to read.
    ///   - next: where the list goes on, if it does.
    init(tags: [Tag], name: String, next: String?) {
        let list = tags.map { "\"\($0)\"" }.joined(separator: ",")
        self.init(
            contentType: "application/json",
            text: #"{"name":""# + escapedForJSON(name) + #"","tags":["# + list + "]}\n")
        if let next { add(name: "Link", value: LinkField.format(next: next)) }
    }

    /// The specification of the Docker registry's API, "Listing Repositories".
    init(catalog names: [String], next: String?) {
        let list = names.map { "\"" + escapedForJSON($0) + "\"" }.joined(separator: ",")
        self.init(contentType: "application/json", text: #"{"repositories":["# + list + "]}\n")
        if let next { add(name: "Link", value: LinkField.format(next: next)) }
    }

    /// OCI Distribution 1.1, "Listing Referrers".
    init(_ answer: ReferrersAnswer, request: Request, cacheName: String) {
        self.init(
            status: .ok, contentType: MediaType.ociIndex.description, length: Int64(answer.bytes.readableBytes),
            body: .bytes(answer.bytes))
        if answer.isFiltered { add(name: "OCI-Filters-Applied", value: "artifactType") }
        add(answer.status, cache: cacheName)
    }

    /// `GET /v2/`: the registry speaks this API, and asks nobody to log in.
    static let base = Answer(contentType: "application/json", text: "{}\n")

    /// A method that no endpoint of this path takes. Pushes are told why.
    static func methodNotAllowed(isRegistryPath: Bool) -> Answer {
        var answer = Answer(
            status: 405,
            RegistryError(
                .unsupported,
                isRegistryPath
                    ? "Weir is a pull-through cache and takes no pushes; push to the upstream registry instead"
                    : "only GET and HEAD are answered here"))
        answer.add(name: "Allow", value: "GET, HEAD")
        return answer
    }

    static let noEndpoint = Answer(status: 404, RegistryError(.unsupported, "no such endpoint"))
}
