/// Checks a JSON text and notes where its values stand. Not recursive: depth costs memory of the heap, and is bounded.
struct JSONParser {
    private let bytes: [UInt8]
    private let limits: JSONDocument.Limits
    private var position = 0
    private var entries: [JSONDocument.Entry] = []
    /// The containers that are open, by their entries.
    private var open: [Int] = []

    init(_ bytes: [UInt8], limits: JSONDocument.Limits) {
        self.bytes = bytes
        self.limits = limits
        entries.reserveCapacity(min(bytes.count / 12 + 8, limits.values))
    }

    mutating func parse() throws(JSONError) -> [JSONDocument.Entry] {
        try value()
        // Each turn stands after a value of the innermost container.
        while let container = open.last {
            skipSpace()
            let isObject = entries[container].kind == .object
            switch current {
            case UInt8(ascii: ","):
                position += 1
                if isObject { try name() }
                try value()
            case isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"): close()
            default: throw failure
            }
        }
        skipSpace()
        guard position == bytes.count else { throw failure }
        return entries
    }

    private var failure: JSONError { .malformed(offset: position) }
    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private mutating func append(_ kind: JSONDocument.Kind, _ start: Int, _ end: Int) throws(JSONError) {
        guard entries.count < limits.values else { throw .tooManyValues(limit: limits.values) }
        entries.append(.init(kind: kind, start: Int32(start), end: Int32(end), next: Int32(entries.count + 1)))
    }

    private mutating func close() {
        position += 1
        let container = open.removeLast()
        entries[container].end = Int32(position)
        entries[container].next = Int32(entries.count)
    }

    /// A value; of a container its beginning, down to the first value that is none or the end of an empty one.
    private mutating func value() throws(JSONError) {
        while true {
            skipSpace()
            switch current {
            case UInt8(ascii: "{"):
                try enter(.object)
                if current == UInt8(ascii: "}") { return close() }
                try name()
            case UInt8(ascii: "["):
                try enter(.array)
                if current == UInt8(ascii: "]") { return close() }
            case UInt8(ascii: "\""): return try string()
            case UInt8(ascii: "t"): return try word("true", .bool)
            case UInt8(ascii: "f"): return try word("false", .bool)
            case UInt8(ascii: "n"): return try word("null", .null)
            default: return try number()
            }
        }
    }

    private mutating func enter(_ kind: JSONDocument.Kind) throws(JSONError) {
        guard open.count < limits.depth else { throw .tooDeep(limit: limits.depth) }
        open.append(entries.count)
        try append(kind, position, position)
        position += 1
        skipSpace()
    }

    private mutating func name() throws(JSONError) {
        skipSpace()
        try string()
        skipSpace()
        guard current == UInt8(ascii: ":") else { throw failure }
        position += 1
    }

    private mutating func word(_ text: StaticString, _ kind: JSONDocument.Kind) throws(JSONError) {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count,
            text.withUTF8Buffer({ $0.elementsEqual(bytes[position..<position + count]) })
        else { throw failure }
        try append(kind, position, position + count)
        position += count
    }

    private mutating func number() throws(JSONError) {
        let start = position
        if current == UInt8(ascii: "-") { position += 1 }
        if current == UInt8(ascii: "0") { position += 1 } else { try digits() }
        if current == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        try append(.number, start, position)
    }

    private mutating func digits() throws(JSONError) {
        let start = position
        while let byte = current, (0x30...0x39).contains(byte) { position += 1 }
        guard position > start else { throw failure }
    }

    private mutating func string() throws(JSONError) {
        guard current == UInt8(ascii: "\"") else { throw failure }
        position += 1
        let start = position
        var isEscaped = false
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                try append(isEscaped ? .escapedString : .string, start, position)
                position += 1
                return
            }
            guard byte >= 0x20 else { throw failure }
            position += 1
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                try escape()
            }
        }
        throw failure
    }

    private mutating func escape() throws(JSONError) {
        switch current {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
        case UInt8(ascii: "u"):
            guard JSONText.hexadecimal(bytes[...], at: position + 1) != nil else { throw failure }
            position += 5
        default: throw failure
        }
    }
}
