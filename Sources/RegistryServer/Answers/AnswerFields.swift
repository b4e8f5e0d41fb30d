internal import NIOHTTP1

/// An answer's fields in their order, with the bytes that they take in a head counted.
struct AnswerFields: Sendable, Hashable {
    struct Field: Sendable, Hashable {
        var name: String
        var value: String
    }

    private(set) var list: [Field] = []
    /// `NAME: VALUE` and a line's end, of all.
    private(set) var byteCount = 0

    /// - Parameter count: of the fields that will be added, so that room is made once.
    init(reserving count: Int) { list.reserveCapacity(count) }

    mutating func add(_ name: String, _ value: String) {
        list.append(Field(name: name, value: value))
        byteCount += name.utf8.count + value.utf8.count + 4
    }

    /// For HTTP/2, whose library writes them itself.
    var headers: HTTPHeaders { HTTPHeaders(list.map { ($0.name, $0.value) }) }
}
