internal import HTTPSemantics
internal import NIOHTTP1

/// One request to the API server.
struct APIRequest {
    var method: HTTPMethod
    var path: String
    var query: [(name: String, value: String)] = []
    var body: [UInt8]?
    var contentType = "application/json"
    /// What the answer may be.
    var accept = "application/json"

    /// Path and query as they are sent.
    var target: String {
        guard !query.isEmpty else { return path }
        return path + "?" + formEncoded(query)
    }
}
