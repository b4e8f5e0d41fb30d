internal import JSON

/// Changes to an object (RFC 6902), of the few kinds that are made here.
package struct JSONPatch: Sendable, Hashable {
    enum Value: Sendable, Hashable {
        case string(String)
        /// `{"NAME": "TEXT"}`
        case object(String, String)
        /// `[{"name": "TEXT"}, …]`
        case namedObjects([String])
        /// `{"name": "TEXT"}`
        case namedObject(String)
    }

    enum Operation: Sendable, Hashable {
        case test(String, Value)
        case replace(String, Value)
        case add(String, Value)
    }

    private(set) var operations: [Operation] = []

    package init() {}

    package var isEmpty: Bool { operations.isEmpty }

    /// Puts `new` in the place of `old`; an object that has something else there is left alone as a whole.
    mutating func replace(_ pointer: String, _ old: String, by new: String) {
        operations.append(.test(pointer, .string(old)))
        operations.append(.replace(pointer, .string(new)))
    }

    /// Adds a member, or replaces it; at the end of an array where the pointer ends with `-`.
    mutating func add(_ pointer: String, _ value: Value) { operations.append(.add(pointer, value)) }

    func encoded() -> [UInt8] {
        var writer = JSONWriter()
        writer.array { array in
            for operation in operations {
                switch operation {
                case .test(let pointer, let value): Self.write("test", pointer, value, to: &array)
                case .replace(let pointer, let value): Self.write("replace", pointer, value, to: &array)
                case .add(let pointer, let value): Self.write("add", pointer, value, to: &array)
                }
            }
        }
        return writer.bytes
    }

    private static func write(_ name: String, _ pointer: String, _ value: Value, to array: inout JSONWriter) {
        array.object { object in
            object.name("op")
            object.string(name)
            object.name("path")
            object.string(pointer)
            object.name("value")
            switch value {
            case .string(let text): object.string(text)
            case .object(let name, let text): member(name, text, of: &object)
            case .namedObject(let text): member("name", text, of: &object)
            case .namedObjects(let texts):
                object.array { array in for text in texts { member("name", text, of: &array) } }
            }
        }
    }

    private static func member(_ name: String, _ text: String, of writer: inout JSONWriter) {
        writer.object { object in
            object.name(name)
            object.string(text)
        }
    }

    /// A name as part of a pointer (RFC 6901, section 3).
    static func escaped(_ name: String) -> String {
        var text = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": text += "~0"
            case "/": text += "~1"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
