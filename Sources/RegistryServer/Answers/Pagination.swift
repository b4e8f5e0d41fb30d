internal import HTTPSemantics
internal import OCI

/// The `n` and `last` of a listing. OCI Distribution 1.1, "Listing Tags".
struct Pagination: Sendable, Hashable {
    /// At most this many; nil where the client does not say.
    var limit: Int?
    var last: String?

    /// More on one page than this is never given; a client that asks for more gets this many and a `Link`.
    static let limitMax = 10_000

    /// - Throws: PAGINATION_NUMBER_INVALID where `n` is no number.
    init(_ query: RequestQuery) throws(RegistryError) {
        do {
            last = try query.value(of: "last")
            if let text = try query.value(of: "n") {
                guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
                else { throw RegistryError(.paginationNumberInvalid, "'n' is a number of entries from 0") }
                // A number too large to be one is simply more than the most.
                limit = min(Int(text) ?? Self.limitMax, Self.limitMax)
            }
        } catch let error as RequestQueryError {
            throw RegistryError(.paginationNumberInvalid, error.description)
        } catch let error as RegistryError {
            throw error
        } catch {
            throw RegistryError(.unknown, "the query cannot be read")
        }
        if last?.isEmpty == true { last = nil }
    }

    /// The path and query of the page after `last`, with the client's own name and `ns`, so that following the link
    /// leads to the same rule. A relative reference, since how the client reached us is not known for certain.
    static func next(path: String, limit: Int?, last: String, namespace: String?) -> String {
        var target = path + "?last=" + percentEncoded(last)
        if let limit { target += "&n=\(limit)" }
        if let namespace { target += "&ns=" + percentEncoded(namespace) }
        return target
    }
}
