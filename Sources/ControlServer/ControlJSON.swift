internal import Foundation

/// How the control server and its clients write documents: JSON with members in order of their names.
package enum ControlJSON {
    /// - Parameter isPretty: on several lines, with a newline at the end, for people.
    package static func encode(_ document: some Encodable, isPretty: Bool = false) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            isPretty ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(document), as: UTF8.self) + (isPretty ? "\n" : "")
    }

    package static func decode<Document: Decodable>(_ type: Document.Type, from bytes: [UInt8]) throws -> Document {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}
