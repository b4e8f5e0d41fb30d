/// A request as a registry or nginx logged it.
struct AccessRecord: Sendable, Hashable, CustomStringConvertible {
    let method: String
    /// The path without its query.
    let path: String
    let query: String
    let status: Int

    var description: String { "\(method) \(path)\(query.isEmpty ? "" : "?" + query) \(status)" }

    /// Parses a line in the combined log format: `… "GET /v2/ HTTP/1.1" 200 …`; nil for other lines.
    init?(line: Substring) {
        let parts = line.split(separator: "\"", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        let request = parts[1].split(separator: " ")
        let result = parts[2].split(separator: " ")
        guard request.count == 3, request[2].hasPrefix("HTTP/"), let status = result.first.flatMap({ Int($0) })
        else { return nil }
        let target = request[1].split(separator: "?", maxSplits: 1)
        method = String(request[0])
        path = String(target.first ?? "")
        query = target.count > 1 ? String(target[1]) : ""
        self.status = status
    }

    var isManifest: Bool { path.contains("/manifests/") }
    var isBlob: Bool { path.contains("/blobs/") }
}

extension [AccessRecord] {
    /// GET requests for the blob or manifest `digest`, and other names of it.
    func gets(of name: String) -> [AccessRecord] {
        filter { $0.method == "GET" && $0.path.hasSuffix("/\(name)") }
    }
}
