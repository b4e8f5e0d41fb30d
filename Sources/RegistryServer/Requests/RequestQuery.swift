/// The part of a target after the question mark.
struct RequestQuery: Sendable, Hashable {
    /// As it was sent.
    let text: Substring

    init(_ text: Substring) { self.text = text }

    /// The decoded value of the parameter `name`; nil where it is not there.
    ///
    /// A plus sign stands for itself: no value that a registry knows has a space in it, and media types do have plus
    /// signs, which clients often send as they are.
    /// - Throws: for malformed escapes, and where the parameter is given twice with different values: what is meant
    ///   would depend on the reader.
    func value(of name: String) throws(RequestQueryError) -> String? {
        guard !text.isEmpty else { return nil }
        var found: String?
        for pair in text.split(separator: "&") {
            guard pair.hasPrefix(name) else { continue }
            let rest = pair.dropFirst(name.count)
            guard rest.isEmpty || rest.hasPrefix("=") else { continue }
            guard let value = percentDecoded(rest.dropFirst(), allowing: { (0x20...0x7E).contains($0) }) else {
                throw .malformed(parameter: name)
            }
            if let found, found != value { throw .contradictory(parameter: name) }
            found = value
        }
        return found
    }
}

/// Why a query is refused. `parameter` is one of the server's own names, never the client's text.
enum RequestQueryError: Error, Hashable, CustomStringConvertible {
    case malformed(parameter: String)
    case contradictory(parameter: String)

    var description: String {
        switch self {
        case .malformed(let parameter): "the parameter '\(parameter)' is malformed"
        case .contradictory(let parameter): "the parameter '\(parameter)' is given twice with different values"
        }
    }
}
